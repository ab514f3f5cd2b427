"""A SAM of the smallest size, with seeded random weights, as a safetensors file."""

import array
import random

import program

WIDTH, HEADS, BLOCKS, GRID = 8, 2, 2, 4


def shapes():
    """Every tensor of the official names with its shape."""
    found = {}

    def add(name, *shape):
        found[name] = list(shape)

    def linear(name, out, inner):
        add(name + ".weight", out, inner)
        add(name + ".bias", out)

    def norm(name, width):
        add(name + ".weight", width)
        add(name + ".bias", width)

    encoder = "image_encoder."
    add(encoder + "pos_embed", 1, GRID, GRID, WIDTH)
    add(encoder + "patch_embed.proj.weight", WIDTH, 3, 16, 16)
    add(encoder + "patch_embed.proj.bias", WIDTH)
    for i in range(BLOCKS):
        block = f"{encoder}blocks.{i}."
        norm(block + "norm1", WIDTH)
        norm(block + "norm2", WIDTH)
        for side in "hw":
            add(f"{block}attn.rel_pos_{side}", 27, WIDTH // HEADS)
        linear(block + "attn.qkv", 3 * WIDTH, WIDTH)
        linear(block + "attn.proj", WIDTH, WIDTH)
        linear(block + "mlp.lin1", 4 * WIDTH, WIDTH)
        linear(block + "mlp.lin2", WIDTH, 4 * WIDTH)
    add(encoder + "neck.0.weight", 256, WIDTH, 1, 1)
    norm(encoder + "neck.1", 256)
    add(encoder + "neck.2.weight", 256, 256, 3, 3)
    norm(encoder + "neck.3", 256)

    prompt = "prompt_encoder."
    add(prompt + "pe_layer.positional_encoding_gaussian_matrix", 2, 128)
    for name in ("point_embeddings.0", "point_embeddings.1", "point_embeddings.2",
                 "point_embeddings.3", "not_a_point_embed", "no_mask_embed"):
        add(f"{prompt}{name}.weight", 1, 256)
    for index, shape in ((0, (4, 1, 2, 2)), (3, (16, 4, 2, 2)), (6, (256, 16, 1, 1))):
        add(f"{prompt}mask_downscaling.{index}.weight", *shape)
        add(f"{prompt}mask_downscaling.{index}.bias", shape[0])
    norm(prompt + "mask_downscaling.1", 4)
    norm(prompt + "mask_downscaling.4", 16)

    decoder = "mask_decoder."

    def attention(name, inner):
        for part in "qkv":
            linear(f"{name}.{part}_proj", inner, 256)
        linear(name + ".out_proj", 256, inner)

    for i in range(2):
        layer = f"{decoder}transformer.layers.{i}."
        attention(layer + "self_attn", 256)
        attention(layer + "cross_attn_token_to_image", 128)
        attention(layer + "cross_attn_image_to_token", 128)
        for n in range(1, 5):
            norm(f"{layer}norm{n}", 256)
        linear(layer + "mlp.lin1", 2048, 256)
        linear(layer + "mlp.lin2", 256, 2048)
    attention(decoder + "transformer.final_attn_token_to_image", 128)
    norm(decoder + "transformer.norm_final_attn", 256)
    add(decoder + "iou_token.weight", 1, 256)
    add(decoder + "mask_tokens.weight", 4, 256)
    add(decoder + "output_upscaling.0.weight", 256, 64, 2, 2)
    add(decoder + "output_upscaling.0.bias", 64)
    norm(decoder + "output_upscaling.1", 64)
    add(decoder + "output_upscaling.3.weight", 64, 32, 2, 2)
    add(decoder + "output_upscaling.3.bias", 32)
    for mlp, last in [(f"output_hypernetworks_mlps.{i}", 32) for i in range(4)] + [
            ("iou_prediction_head", 4)]:
        for n, out in enumerate((256, 256, last)):
            linear(f"{decoder}{mlp}.layers.{n}", out, 256)
    return found


def write(path, seed):
    draw = random.Random(seed)
    # As many as a prime, so that no two rows of a matrix are alike when they are taken in turn.
    numbers = array.array("f", (draw.uniform(-0.3, 0.3) for _ in range(65537)))
    tensors, at = {}, 0
    for name, shape in shapes().items():
        count = 1
        for side in shape:
            count *= side
        values = numbers[at:] + numbers * (count // len(numbers) + 1)
        tensors[name] = ("F32", shape, values[:count].tobytes())
        at = (at + count) % len(numbers)
    program.write_safetensors(path, {}, tensors)
