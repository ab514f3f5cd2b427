"""segment-anything as the peer of the mask generator, with stand-ins for what it imports.

A torchvision wheel binds the test environment to one build of torch, and OpenCV's is large; the
package uses four functions of the one and one of the other. They are written here once more, from
what they are documented to do, as plain loops.
"""

import sys
import types

import peers

np = peers.peer("numpy")
torch = peers.peer("torch")


def box_area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def batched_nms(boxes, scores, categories, iou_threshold):
    """Of one category: positions, by descending score, of boxes that no better one covers."""
    assert not torch.any(categories)
    boxes, scores = boxes.numpy(), scores.numpy()
    assert boxes.dtype == scores.dtype == np.float32
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = list(np.argsort(-scores, kind="stable"))
    kept = []
    while left:
        best, rest = left[0], np.array(left[1:], dtype=np.int64)
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        both = np.prod(np.maximum(high - low, np.float32(0)), axis=1, dtype=np.float32)
        with np.errstate(invalid="ignore"):
            iou = (both / (area[best] + area[rest] - both)).astype(np.float64)
        left = list(rest[~(iou > iou_threshold)])
    return torch.tensor(kept, dtype=torch.int64)


def connected_components_with_stats(pixels, connectivity):
    """(count, labels, areas as the last column, nothing) of 8-connected pixels that are not 0."""
    assert connectivity == 8
    parent = [0]

    def root(label):
        while parent[label] != label:
            label = parent[label]
        return label

    labels = np.zeros(pixels.shape, dtype=np.int64)
    above = []
    for y, row in enumerate(pixels):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row != 0, [0])).astype(np.int8)))
        runs = []
        for start, end in edges.reshape(-1, 2):
            touched = {root(label) for a, b, label in above if a <= end and start <= b}
            label = min(touched, default=len(parent))
            if not touched:
                parent.append(label)
            for other in touched:
                parent[other] = label
            labels[y, start:end] = label
            runs.append((start, end, label))
        above = runs
    roots = np.array([root(label) for label in range(len(parent))])
    kept, compact = np.unique(roots, return_inverse=True)
    labels = compact[labels]
    areas = np.bincount(labels.ravel(), minlength=len(kept))
    return len(kept), labels, areas[:, None], None


def _module(name, **members):
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module


def _stand_ins():
    if "torchvision.ops.boxes" in sys.modules:
        return
    image = peers.peer("PIL.Image")
    _module("torchvision")
    _module("torchvision.ops")
    _module("torchvision.ops.boxes", batched_nms=batched_nms, box_area=box_area)
    _module("torchvision.transforms")
    _module(
        "torchvision.transforms.functional",
        to_pil_image=image.fromarray,
        resize=lambda picture, size: picture.resize(size[::-1], image.Resampling.BILINEAR),
    )
    _module("cv2", connectedComponentsWithStats=connected_components_with_stats)


def segment_anything():
    """The module segment_anything."""
    _stand_ins()
    return peers.peer("segment_anything")


def plain(width, heads):
    """A SAM of two blocks, the second of which looks at the whole grid."""
    _stand_ins()
    build = peers.peer("segment_anything.build_sam")
    return build._build_sam(
        encoder_embed_dim=width, encoder_depth=2, encoder_num_heads=heads,
        encoder_global_attn_indexes=[1])


class _Same(torch.nn.Module):
    """A drop path that drops nothing."""

    def __init__(self, *_, **__):
        super().__init__()

    def forward(self, x):
        return x


def mobile_sam():
    """The module mobile_sam."""
    _stand_ins()
    _module("timm")
    _module("timm.models")
    _module(
        "timm.models.layers",
        DropPath=_Same,
        to_2tuple=lambda value: value if isinstance(value, tuple) else (value, value),
        trunc_normal_=torch.nn.init.trunc_normal_,
    )
    _module("timm.models.registry", register_model=lambda function: function)
    return peers.peer("mobile_sam")


def lively(model, seed):
    """Fills every tensor of a model, those that a new one leaves at zero too."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            state[name] = value
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var"):
            state[name] = 0.5 + torch.rand(value.shape, generator=generator)
        elif value.dim() > 1:
            fan = value[0].numel() if value.shape[0] > 1 else 1
            state[name] = noise / max(1.0, fan) ** 0.5
        else:
            state[name] = 0.1 * noise + (1.0 if name.endswith("weight") else 0.0)
    model.load_state_dict(state)
    # MobileSAM makes its tables of positions when it is told to evaluate: after the weights, then.
    return model.train().eval()
