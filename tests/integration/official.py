"""Small files under the names of the released checkpoints, with random numbers."""

import random
import struct

LAYERS = (1, 2)
WIDTH = 8
TEXT_WIDTH = 8
OUTPUT = 12
VOCABULARY = 7


def norm(name, channels):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": [channels] for part in parts} | {f"{name}.num_batches_tracked": []}


def linear(name, inner, outer):
    return {f"{name}.weight": [outer, inner], f"{name}.bias": [outer]}


def clip_shapes(vocabulary=VOCABULARY):
    """A small CLIP with a ResNet: name -> shape."""
    shapes = {
        "visual.conv1.weight": [4, 3, 3, 3],
        "visual.conv2.weight": [4, 4, 3, 3],
        "visual.conv3.weight": [WIDTH, 4, 3, 3],
        **norm("visual.bn1", 4),
        **norm("visual.bn2", 4),
        **norm("visual.bn3", WIDTH),
    }
    channels = WIDTH
    for layer, blocks in enumerate(LAYERS):
        width = WIDTH << layer
        for block in range(blocks):
            name = f"visual.layer{layer + 1}.{block}"
            shapes[f"{name}.conv1.weight"] = [width, channels, 1, 1]
            shapes[f"{name}.conv2.weight"] = [width, width, 3, 3]
            shapes[f"{name}.conv3.weight"] = [4 * width, width, 1, 1]
            shapes |= norm(f"{name}.bn1", width) | norm(f"{name}.bn2", width)
            shapes |= norm(f"{name}.bn3", 4 * width)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = [4 * width, channels, 1, 1]
                shapes |= norm(f"{name}.downsample.1", 4 * width)
            channels = 4 * width
    pool = "visual.attnpool"
    shapes[f"{pool}.positional_embedding"] = [5, channels]
    for part in "qkv":
        shapes |= linear(f"{pool}.{part}_proj", channels, channels)
    shapes |= linear(f"{pool}.c_proj", channels, OUTPUT)
    block = "transformer.resblocks.0"
    for name in (f"{block}.ln_1", f"{block}.ln_2", "ln_final"):
        shapes |= {f"{name}.weight": [TEXT_WIDTH], f"{name}.bias": [TEXT_WIDTH]}
    shapes[f"{block}.attn.in_proj_weight"] = [3 * TEXT_WIDTH, TEXT_WIDTH]
    shapes[f"{block}.attn.in_proj_bias"] = [3 * TEXT_WIDTH]
    shapes |= linear(f"{block}.attn.out_proj", TEXT_WIDTH, TEXT_WIDTH)
    shapes |= linear(f"{block}.mlp.c_fc", TEXT_WIDTH, 4 * TEXT_WIDTH)
    shapes |= linear(f"{block}.mlp.c_proj", 4 * TEXT_WIDTH, TEXT_WIDTH)
    shapes["token_embedding.weight"] = [vocabulary, TEXT_WIDTH]
    shapes["positional_embedding"] = [9, TEXT_WIDTH]
    shapes["text_projection"] = [TEXT_WIDTH, OUTPUT]
    shapes["logit_scale"] = []
    return shapes


def attention_block(name, width=6):
    shapes = {}
    for part in ("v_proj1", "v_proj2", "v_proj3", "v_output"):
        shapes[f"{name}.{part}.0.weight"] = [width, width, 1, 1]
        for vector in ("0.bias", "1.weight", "1.bias"):
            shapes[f"{name}.{part}.{vector}"] = [width]
    for part in ("t_proj1", "t_proj2", "t_proj3", "t_output"):
        shapes |= linear(f"{name}.{part}.0", width, width)
    return shapes


def official_shapes(kind, vocabulary=VOCABULARY):
    """The names that docs/method.md#names-of-released-checkpoints gives the released checkpoints."""
    shapes = {f"backbone.{name}": shape for name, shape in clip_shapes(vocabulary).items()}
    tris = kind == "tris"
    shapes["vis_project.weight" if tris else "c4_vis_project.weight"] = [6, 64, 1, 1]
    shapes["vis_project.bias" if tris else "c4_vis_project.bias"] = [6]
    shapes |= linear("lan_project" if tris else "global_lan_project", OUTPUT, 6)
    shapes["logit_scale"] = []
    blocks = ["attn_fusion"] if tris else [f"attn_fusion_vl.{i}" for i in range(4)]
    for block in blocks:
        shapes |= attention_block(block)
    return shapes


def tensors_of(shapes, prefix=""):
    """Numbers that a half keeps exactly, as float32 (counters as int64)."""
    numbers, out = random.Random(0), {}
    for name, shape in shapes.items():
        count = 1
        for side in shape:
            count *= side
        if name.endswith("num_batches_tracked"):
            out[prefix + name] = ("I64", shape, struct.pack("<q", 3))
        else:
            values = [numbers.randrange(-64, 64) / 64 for _ in range(count)]
            if name.endswith("running_var"):
                values = [abs(value) + 1 for value in values]
            out[prefix + name] = ("F32", shape, struct.pack(f"<{count}f", *values))
    return out
