"""The names and shapes of the published files of Segment Anything, MobileSAM and FreeSOLO, as
docs/sam.md and docs/freesolo.md describe the networks: name -> shape."""

import json
import math
import struct

from official import linear, norm

FEATURES = 256
# Width, blocks, heads and those blocks that look at all cells.
VITS = {
    "ViT-B": (768, 12, 12, (2, 5, 8, 11)),
    "ViT-L": (1024, 24, 16, (5, 11, 17, 23)),
    "ViT-H": (1280, 32, 16, (7, 15, 23, 31)),
}
TINY_WIDTHS, TINY_BLOCKS = (64, 128, 160, 320), (2, 2, 6, 2)
TINY_HEADS, TINY_WINDOWS = (2, 4, 5, 10), (7, 7, 14, 7)


def scale(name, channels):
    """A norm without statistics."""
    return {f"{name}.weight": [channels], f"{name}.bias": [channels]}


def convolution(name, shape, bias=True):
    return {f"{name}.weight": shape} | ({f"{name}.bias": [shape[0]]} if bias else {})


def neck(width):
    return {
        "image_encoder.neck.0.weight": [FEATURES, width, 1, 1],
        **scale("image_encoder.neck.1", FEATURES),
        "image_encoder.neck.2.weight": [FEATURES, FEATURES, 3, 3],
        **scale("image_encoder.neck.3", FEATURES),
    }


def vit(width, blocks, heads, global_blocks, cells=64, window=14):
    shapes = {
        "image_encoder.pos_embed": [1, cells, cells, width],
        **convolution("image_encoder.patch_embed.proj", [width, 3, 16, 16]),
    }
    for i in range(blocks):
        block = f"image_encoder.blocks.{i}"
        side = cells if i in global_blocks else window
        shapes |= scale(f"{block}.norm1", width) | scale(f"{block}.norm2", width)
        shapes |= {f"{block}.attn.rel_pos_{axis}": [2 * side - 1, width // heads] for axis in "hw"}
        shapes |= linear(f"{block}.attn.qkv", width, 3 * width)
        shapes |= linear(f"{block}.attn.proj", width, width)
        shapes |= linear(f"{block}.mlp.lin1", width, 4 * width)
        shapes |= linear(f"{block}.mlp.lin2", 4 * width, width)
    return shapes | neck(width)


def conv_norm(name, shape):
    return convolution(f"{name}.c", shape, bias=False) | norm(f"{name}.bn", shape[0])


def conv_triple(name, inner, hidden, outer):
    return {
        **conv_norm(f"{name}.conv1", [hidden, inner, 1, 1]),
        **conv_norm(f"{name}.conv2", [hidden, 1, 3, 3]),
        **conv_norm(f"{name}.conv3", [outer, hidden, 1, 1]),
    }


def tiny_vit():
    shapes = conv_norm("image_encoder.patch_embed.seq.0", [32, 3, 3, 3])
    shapes |= conv_norm("image_encoder.patch_embed.seq.2", [64, 32, 3, 3])
    for i, width in enumerate(TINY_WIDTHS):
        for j in range(TINY_BLOCKS[i]):
            block = f"image_encoder.layers.{i}.blocks.{j}"
            if i == 0:
                shapes |= conv_triple(block, width, 4 * width, width)
                continue
            shapes[f"{block}.attn.attention_biases"] = [TINY_HEADS[i], TINY_WINDOWS[i] ** 2]
            shapes |= scale(f"{block}.attn.norm", width) | scale(f"{block}.mlp.norm", width)
            shapes |= linear(f"{block}.attn.qkv", width, 3 * width)
            shapes |= linear(f"{block}.attn.proj", width, width)
            shapes |= linear(f"{block}.mlp.fc1", width, 4 * width)
            shapes |= linear(f"{block}.mlp.fc2", 4 * width, width)
            shapes |= conv_norm(f"{block}.local_conv", [width, 1, 3, 3])
        if i < 3:
            after = TINY_WIDTHS[i + 1]
            shapes |= conv_triple(f"image_encoder.layers.{i}.downsample", width, after, after)
    shapes |= scale("image_encoder.norm_head", 320) | linear("image_encoder.head", 320, 1000)
    return shapes | neck(320)


def prompt_encoder():
    name = "prompt_encoder"
    shapes = {f"{name}.pe_layer.positional_encoding_gaussian_matrix": [2, FEATURES // 2]}
    for part in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        shapes[f"{name}.{part}.weight"] = [1, FEATURES]
    masks = f"{name}.mask_downscaling"
    shapes |= convolution(f"{masks}.0", [4, 1, 2, 2]) | scale(f"{masks}.1", 4)
    shapes |= convolution(f"{masks}.3", [16, 4, 2, 2]) | scale(f"{masks}.4", 16)
    return shapes | convolution(f"{masks}.6", [FEATURES, 16, 1, 1])


def attention(name, inner):
    shapes = {}
    for part in "qkv":
        shapes |= linear(f"{name}.{part}_proj", FEATURES, inner)
    return shapes | linear(f"{name}.out_proj", inner, FEATURES)


def mlp(name, *widths):
    shapes = {}
    for i, (inner, outer) in enumerate(zip(widths, widths[1:])):
        shapes |= linear(f"{name}.layers.{i}", inner, outer)
    return shapes


def mask_decoder():
    name, shapes = "mask_decoder", {}
    for i in range(2):
        layer = f"{name}.transformer.layers.{i}"
        shapes |= attention(f"{layer}.self_attn", FEATURES)
        shapes |= attention(f"{layer}.cross_attn_token_to_image", FEATURES // 2)
        shapes |= attention(f"{layer}.cross_attn_image_to_token", FEATURES // 2)
        for part in range(1, 5):
            shapes |= scale(f"{layer}.norm{part}", FEATURES)
        shapes |= linear(f"{layer}.mlp.lin1", FEATURES, 2048)
        shapes |= linear(f"{layer}.mlp.lin2", 2048, FEATURES)
    shapes |= attention(f"{name}.transformer.final_attn_token_to_image", FEATURES // 2)
    shapes |= scale(f"{name}.transformer.norm_final_attn", FEATURES)
    shapes |= {f"{name}.iou_token.weight": [1, FEATURES], f"{name}.mask_tokens.weight": [4, FEATURES]}
    up = f"{name}.output_upscaling"
    shapes |= {f"{up}.0.weight": [FEATURES, 64, 2, 2], f"{up}.0.bias": [64], **scale(f"{up}.1", 64)}
    shapes |= {f"{up}.3.weight": [64, 32, 2, 2], f"{up}.3.bias": [32]}
    for i in range(4):
        shapes |= mlp(f"{name}.output_hypernetworks_mlps.{i}", 256, 256, 256, 32)
    return shapes | mlp(f"{name}.iou_prediction_head", 256, 256, 256, 4)


def sam_shapes(name):
    """A published size by its name, "MobileSAM" included; or the arguments of `vit`."""
    if name == "MobileSAM":
        encoder = tiny_vit()
    else:
        encoder = vit(*(VITS[name] if isinstance(name, str) else name))
    return encoder | prompt_encoder() | mask_decoder()


def frozen(name, shape):
    """A convolution and the frozen norm behind it."""
    statistics = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.weight": shape} | {f"{name}.norm.{part}": [shape[0]] for part in statistics}


def resnet101():
    name = "backbone.bottom_up"
    shapes, channels = frozen(f"{name}.stem.conv1", [64, 3, 7, 7]), 64
    for layer, blocks in enumerate((3, 4, 23, 3)):
        width = 64 << layer
        for i in range(blocks):
            block = f"{name}.res{layer + 2}.{i}"
            shapes |= frozen(f"{block}.conv1", [width, channels, 1, 1])
            shapes |= frozen(f"{block}.conv2", [width, width, 3, 3])
            shapes |= frozen(f"{block}.conv3", [4 * width, width, 1, 1])
            if i == 0:
                shapes |= frozen(f"{block}.shortcut", [4 * width, channels, 1, 1])
            channels = 4 * width
        shapes |= convolution(f"backbone.fpn_lateral{layer + 2}", [256, channels, 1, 1])
        shapes |= convolution(f"backbone.fpn_output{layer + 2}", [256, 256, 3, 3])
    return shapes


def freesolo_shapes():
    shapes = resnet101() | {"_iter": [1]}
    for name, first in (("cate_tower", 256), ("kernel_tower", 258)):
        for i in range(4):
            shapes[f"ins_head.{name}.{3 * i}.weight"] = [512, first if i == 0 else 512, 3, 3]
            shapes |= scale(f"ins_head.{name}.{3 * i + 1}", 512)
    for name, outer in (("cate_pred", 2), ("kernel_pred", 256), ("emb_pred", 128)):
        shapes |= convolution(f"ins_head.{name}", [outer, 512, 3, 3])
    for level in range(4):
        for j in range(max(level, 1)):
            inner = (258 if level == 3 else 256) if j == 0 else 128
            name = f"mask_head.convs_all_levels.{level}.conv{j}"
            shapes |= {f"{name}.0.weight": [128, inner, 3, 3], **scale(f"{name}.1", 128)}
    return shapes | {"mask_head.conv_pred.0.weight": [256, 128, 1, 1], **scale("mask_head.conv_pred.1", 256)}


def numbers_of(shapes):
    return sum(math.prod(shape) for shape in shapes.values())


def write_hollow(path, shapes, prefix=""):
    """A safetensors file of zeros that takes no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        dtype, size = ("I64", 8) if name.endswith("num_batches_tracked") else ("F32", 4)
        stop = end + size * math.prod(shape)
        header[prefix + name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, stop]}
        end = stop
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.truncate(8 + len(text) + end)
