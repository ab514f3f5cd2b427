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


def segment_anything():
    """The module segment_anything."""
    if "segment_anything" not in sys.modules:
        _module("torchvision")
        _module("torchvision.ops")
        _module("torchvision.ops.boxes", batched_nms=batched_nms, box_area=box_area)
        _module("torchvision.transforms")
        _module("torchvision.transforms.functional", resize=None, to_pil_image=None)
        _module("cv2", connectedComponentsWithStats=connected_components_with_stats)
    return peers.peer("segment_anything")
