"""Writes the seed corpora of the fuzz targets: small whole files, and the ways to break them.

Usage: make_corpus.py. Needs numpy and torch (tests/parity/requirements.txt). The seeds are
part of the source tree; run this again only to add some.
"""

import argparse
import collections
import datetime
import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile
import zlib

import numpy
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
import make_trees

CORPUS = pathlib.Path(__file__).parent / "corpus"


def write(target, name, data):
    """One seed."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def npy(array, version=None):
    """The array as a NumPy file."""
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, version=version, allow_pickle=False)
    return out.getvalue()


def write_npy_seeds():
    """NumPy files, whole and broken."""
    good = npy(numpy.arange(6, dtype="<f4").reshape(2, 3))
    write("npy", "f4_2x3", good)
    write("npy", "f8_version_2", npy(numpy.ones(3), version=(2, 0)))
    write("npy", "i8_scalar", npy(numpy.array(7, dtype="<i8")))
    write("npy", "u1_empty", npy(numpy.zeros((0, 4), dtype="|u1")))
    write("npy", "bool", npy(numpy.array([True, False])))
    write("npy", "fortran", npy(numpy.asfortranarray(numpy.ones((2, 3)))))
    write("npy", "objects", b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, "
          b"'shape': (1,), }".ljust(117) + b"\n" + pickle.dumps([None], protocol=2))
    write("npy", "huge", good.replace(b"(2, 3)", b"(9223372036854775807,)"))
    write("npy", "negative", good.replace(b"(2, 3)", b"(-2, 3)"))
    write("npy", "not_a_number", good.replace(b"(2, 3)", b"(nan, 3)"))
    write("npy", "long_header", b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFFF) + b"{}")
    write("npy", "line_break", good.replace(b"False", b"Fa\n\x1be"))
    write("npy", "cut", good[:-5])
    write("npy", "nothing", b"")


class Caller:
    """Unpickling this would run a command."""

    def __reduce__(self):
        import os
        return os.system, ("exit 3",)


def write_pickle_seeds():
    """Pickles of plain data in every protocol, and hostile ones."""
    ref = [{"ref_id": 1, "sent_ids": [2, 3], "split": "testA", "file_name": "a.jpg",
            "sentences": [{"raw": "caf\u00e9", "sent": "x", "tokens": ["x"], "sent_id": 2}],
            "none": None, "yes": True, "half": 0.5, "far": 2**40, "pair": (1, "a"), "bytes": b"\xe9"}]
    for protocol in range(6):
        write("pickle", f"refs_protocol_{protocol}", pickle.dumps(ref, protocol=protocol))
    write("pickle", "python_2_string", b"(lp0\nS'caf\\xe9'\np1\na.")
    write("pickle", "calls_os_system", pickle.dumps(Caller(), protocol=2))
    write("pickle", "deep", b"]" * 5000 + b"a" * 4999 + b".")
    write("pickle", "memo_bomb", b"]q\x00" + b"(h\x00h\x00l" * 64 + b".")
    write("pickle", "cycle", b"]q\x00h\x00a.")
    write("pickle", "long_string", b"X\xff\xff\xff\x7f.")
    write("pickle", "cut", pickle.dumps(ref, protocol=2)[:-9])


def safetensors_file(header, data):
    """Bytes of a safetensors file with this header text."""
    return struct.pack("<Q", len(header)) + header + data


def write_safetensors_seeds():
    """safetensors files, whole and broken."""
    one = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    write("safetensors", "one", safetensors_file(one + b"}", bytes(8)))
    two = one + b',"b":{"dtype":"BF16","shape":[1,3],"data_offsets":[8,14]},"__metadata__":{"k":"v"}}'
    write("safetensors", "two", safetensors_file(two, bytes(14)))
    write("safetensors", "overlap", safetensors_file(two.replace(b"[8,14]", b"[4,10]"), bytes(14)))
    write("safetensors", "nan_shape", safetensors_file(one.replace(b"[2]", b"[NaN]") + b"}", bytes(8)))
    write("safetensors", "negative", safetensors_file(one.replace(b"[2]", b"[-2]") + b"}", bytes(8)))
    far = one.replace(b"[2]", b"[9223372036854775808]") + b"}"
    write("safetensors", "size_2_63", safetensors_file(far, bytes(8)))
    zero = one.replace(b"[2]", b"[0,4611686018427387904,4611686018427387904]")
    write("safetensors", "empty_giant", safetensors_file(zero.replace(b"[0,8]", b"[0,0]") + b"}", b""))
    write("safetensors", "long_header", struct.pack("<Q", 2**63) + b"{}")
    write("safetensors", "deep", safetensors_file(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", b""))
    write("safetensors", "cut", safetensors_file(one + b"}", bytes(3)))
    write("safetensors", "nothing", b"")


def write_torch_seeds():
    """Checkpoints of torch.save and torch.jit.save, and pickles that would call something."""
    import torch

    def saved(value):
        out = io.BytesIO()
        torch.save(value, out)
        return out.getvalue()

    def pickle_of(archive):
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            name = next(n for n in members.namelist() if n.endswith("data.pkl"))
            return members.read(name)

    layer = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    base = torch.arange(12.0).reshape(3, 4)
    files = {
        "state_dict": saved(layer.state_dict()),
        "training": saved({"model": layer.state_dict(), "optimizer": optimizer.state_dict(),
                           "epoch": 3, "args": argparse.Namespace(lr=0.1, name="x")}),
        "views": saved({"t": base.t(), "slice": base[1:, ::2], "same": base, "half": base.half(),
                        "bf16": base.bfloat16(), "bool": base > 3, "scalar": torch.tensor(7),
                        "empty": torch.zeros(0, 3), "expanded": torch.ones(1).expand(3, 3)}),
        "parameter": saved(layer.weight),
        "opaque": saved({"w": base, "array": numpy.arange(3), "path": pathlib.PosixPath("a"), "set": {1},
                         "by": collections.defaultdict(list, {datetime.date(2024, 1, 2): [base]}),
                         "when": numpy.datetime64("2024-01-02"), "torch": torch.__version__}),
    }
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Sequential(layer)), script)
    files["script"] = script.getvalue()
    for name, archive in files.items():
        write("torch_zip", name, archive)
        write("torch_pickle", name, pickle_of(archive))
    good = files["state_dict"]
    write("torch_zip", "line_break", good.replace(b"/data/0", b"/da\na/0"))
    write("torch_zip", "cut", good[:-40])
    write("torch_zip", "calls_os_system", repacked(good, pickle.dumps(Caller(), protocol=2)))
    write("torch_zip", "deflated", repacked(good, pickle_of(good), zipfile.ZIP_DEFLATED))
    write("torch_zip", "deflate_bomb", repacked(good, bytes(1 << 20), zipfile.ZIP_DEFLATED))
    write("torch_zip", "nothing", b"")
    for name in ("calls_os_system", "deep", "memo_bomb", "cycle", "long_string"):
        write("torch_pickle", name, (CORPUS / "pickle" / name).read_bytes())


def repacked(archive, data, method=zipfile.ZIP_STORED):
    """The archive with another data.pkl."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            is_pickle = member.filename.endswith("data.pkl")
            content = data if is_pickle else old.read(member)
            new.writestr(member.filename, content, method if is_pickle else zipfile.ZIP_STORED)
    return out.getvalue()


def write_instances_seeds():
    """COCO's instances, whole and broken."""
    good = json.dumps(make_trees.instances()).encode()
    write("instances", "whole", good)
    write("instances", "cut", good[:-70])
    write("instances", "odd_polygon", good.replace(b"[2, 2, 6, 2,", b"[2, 6, 2,", 1))
    write("instances", "far_polygon", good.replace(b"[2, 2, 6, 2,", b"[2, 1e300, 6, 2,", 1))
    write("instances", "negative_run", good.replace(b"[65, 5,", b"[65, -5,"))
    write("instances", "huge_run", good.replace(b"[65, 5,", b"[65, 4294967299,"))
    write("instances", "huge_picture", good.replace(b'"height": 16', b'"height": 9e15'))
    write("instances", "same_ids", good.replace(b'"id": 25', b'"id": 9'))
    write("instances", "escaped_key", good.replace(b'"images"', b'"\\u0069mages"'))
    write("instances", "list_twice", good[:-1] + b', "images": []}')
    write("instances", "deep", b'{"info": ' + b"[" * 3000 + b"]" * 3000 + b"}")
    rle = b'{"size": [16, 16], "counts": [65, 5, 186]}'
    runs = [b"[" + rle + b"]", b"[" + rle + b", " + rle + b"]", b"[" + rle + b", [1, 2]]"]
    entry = b'{"images": [{"id": 1, "file_name": "a\\\\b", "height": 16, "width": 16}], '
    for i, segmentation in enumerate(runs):
        write("instances", f"runs_{i}", entry + b'"annotations": [{"id": 1, "image_id": 1, "bbox": '
              b'[0, 0, 1, 1], "segmentation": ' + segmentation + b"}]}")
    write("instances", "utf16", good.decode().encode("utf-16"))
    write("instances", "nothing", b"")


def write_references_seeds():
    """REFER's references as Python 2 and 3 write them."""
    for protocol in (0, 2):
        data = make_trees.Python2Pickle(protocol).dumps(make_trees.references(make_trees.GOOGLE))
        write("references", f"python_2_protocol_{protocol}", data)
    document = make_trees.references(make_trees.UMD)
    for protocol in range(6):
        write("references", f"protocol_{protocol}", pickle.dumps(document, protocol=protocol))
    document[1]["ref_id"] = document[0]["ref_id"]
    document[2]["sentences"][0]["sent_id"] = 0
    write("references", "same_ids", pickle.dumps(document, protocol=2))
    del document[0]["image_id"]
    document[1]["sentences"] = {"sent": "x"}
    write("references", "missing", pickle.dumps(document, protocol=2))
    write("references", "no_list", pickle.dumps({"refs": document}, protocol=2))


def write_rle_seeds():
    """Sizes in two bytes, then one string or two."""
    strings = {"empty": [0], "one": [6], "all": [0, 6], "columns": [1, 2, 1, 1, 1], "zeros": [0, 0, 6]}
    for name, counts in strings.items():
        write("rle", name, b"\x02\x03" + make_trees.coco_string(counts).encode())
    both = " ".join(make_trees.coco_string(c) for c in ([100, 70, 5000, 9, 4821], [0, 9999, 1]))
    write("rle", "two", b"\x64\x64" + both.encode())
    write("rle", "long_number", b"\x64\x64" + b"o" * 40)
    write("rle", "negative", b"\x64\x64" + b"11O")
    write("rle", "no_size", b"\x64")


def write_custom_seeds():
    """Lines of custom data that give the pictures' sizes."""
    start = '{"image": "a.jpg", "size": [6, 4], '
    lines = [
        start + '"sentence": "the cup", "object": 1, "mask": {"polygons": [[0, 0, 3, 0, 3, 3]]}}',
        start + '"sentence": "a cup", "object": 1, "cues": ["cup"], "split": "train"}',
        start + '"sentences": ["b", "c"], "cues": [["x"], ["y"]], "box": [0, 0, 1.5, 2]}',
        start + '"sentences": [], "object": "z", "mask": {"size": [4, 6], "counts": [4, 5, 15]}}',
        start + '"sentence": "d", "split": "testBC", "mask": {"size": [4, 6], "counts": "45?"}}',
        start + '"sentence": "e", "split": "val", "mask": {"png": "none.png"}}',
        '{"image": "none.jpg", "sentence": "f"}',
        '{"image": "a.jpg", "sentense": "g"}',
    ]
    write("custom", "lines", "\n".join(lines).encode())
    for i, line in enumerate(lines):
        write("custom", f"line_{i}", line.encode())
    write("custom", "other_size", (lines[1] + "\n" + lines[1].replace("6, 4", "4, 6")).encode())
    write("custom", "other_mask", (lines[0] + "\n" + lines[0].replace("3, 3", "2, 2")).encode())
    write("custom", "cut", lines[0][:-30].encode())
    rle = {"size": [4, 6], "counts": [0, 4, 20]}
    parts = {"image": "a.png", "size": [6, 4], "sentence": "a", "mask": [rle, rle]}
    write("custom", "parts", b"\xef\xbb\xbf" + json.dumps(parts).encode())


def write_tokenizer_seeds():
    """Texts that cleaning and splitting must take apart with care."""
    texts = {
        "expression": "the girl in the striped sweater, 2nd from left",
        "contraction": "It's the man's; they'll, we've, I'D, don\u2019t",
        "entities": "&amp;amp; &lt;b&gt; &#233; &#xe9; &eacute &nosuch; &#1114112; &#0;",
        "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
        "scripts": "\u732b\u304c \uff21\uff22 \u0661\u0662 \ufb01 e\u0301 \u0130\u03a3 \u03a3",
        "special": "<|startoftext|> a <|endoftext|> b",
        "spaces": "\ta\u00a0\u2003b\r\n\x0b\x85 c \x1b[31mred\x1b[0m \x00\x07",
        "empty": "",
    }
    for name, text in texts.items():
        write("tokenizer", name, text.encode())
    write("tokenizer", "typography",
          "\ufeffthe girl\u2019s \u201cred\u201d\u00a0cup\u2014re\u00add \u200b\ufe0f\u0301 \ufb02ower\u2026".encode())
    write("tokenizer", "not_utf8", b"caf\xe9 \xf0\x9f\x91 \xed\xa0\x80 \xc0\xaf \xff")
    write("tokenizer", "long", b"a" * 4000 + b" " + "\u732b".encode() * 500)


def write_cue_seeds():
    """Cue files of both kinds."""
    five = ["a cup", "caf\u00e9", "left", "", "\u732b"]
    line = json.dumps({"sent_id": 3, "cues": five[:2]}) + "\n"
    write("cue_lines", "two", (line + json.dumps({"cues": [], "sent_id": -1}) + "\r\n").encode())
    write("cue_lines", "duplicate", (line * 2).encode())
    write("cue_lines", "wrong_types", b'{"sent_id": 1.5, "cues": [1, null]}\n7\n')
    write("cue_lines", "huge_id", b'{"sent_id": 18446744073709551615, "cues": []}')
    write("cue_lines", "not_utf8", b'{"sent_id": "\xe9", "cues": ["\xff"]}')
    write("cue_lines", "cut", line.encode()[:-6])
    write("cue_lines", "marked", b"\xef\xbb\xbf" + line.encode())
    write("cue_lines", "utf16", line.encode("utf-16"))
    write("cue_lines", "nan", b'{"sent_id": -Infinity, "cues": [NaN]}')
    document = json.dumps({"3": five, "4": five * 2})
    write("cue_document", "two", document.encode())
    write("cue_document", "too_few", json.dumps({"3": five[:4]}).encode())
    write("cue_document", "same_key", document.replace('"4"', '"03"').encode())
    write("cue_document", "bad_key", document.replace('"4"', '"99999999999999999999"').encode())
    write("cue_document", "deep", b'{"3": ' + b"[" * 3000 + b"]" * 3000 + b"}")
    write("cue_document", "cut", document.encode()[:-9])


def write_proposal_seeds():
    """Proposal files of each source, whole and broken."""
    text_mask = {"segmentation": {"size": [4, 3], "counts": "525"}}
    run_mask = {"segmentation": {"size": [2, 2], "counts": [1, 2, 1]}}
    lines = json.dumps({"image_id": 2, "proposals": [text_mask, run_mask]}) + "\n"
    write("proposal_lines", "whole", (lines + '{"proposals": [], "image_id": 3}\n').encode())
    write("proposal_lines", "id_inside", b'{"a": {"image_id": 1}, "image_id": 2, "proposals": []}')
    write("proposal_lines", "wrong_sum", lines.replace("525", "528").encode())
    write("proposal_lines", "giant", lines.replace("[4, 3]", "[65535, 65535]").encode())
    write("proposal_lines", "negative", lines.replace("[1, 2, 1]", "[-1, 2, 3]").encode())
    write("proposal_lines", "cut", lines.encode()[:-20])
    head = json.dumps({"format": "pcnet-clip-scores", "version": 1,
                       "proposals": {"digest": "crc32:0", "filter": {"most": "40"}}})
    scored = json.dumps({"sent_id": 2, "sentence": "a", "scores": [0.5, None, -1e-3]})
    clip = f"{head}\n{scored}\n"
    write("clip_scores", "whole", clip.encode())
    write("clip_scores", "no_head", scored.encode())
    write("clip_scores", "twice", (clip + scored).encode())
    write("clip_scores", "huge", clip.replace("0.5", "1e999").encode())
    write("clip_scores", "nan", clip.replace("0.5", "NaN").encode())
    write("clip_scores", "bad_filter", clip.replace('"40"', "[[40]]").encode())
    write("clip_scores", "cut", clip.encode()[:-20])
    scores = {"predicted_iou": 0.9, "stability_score": 1, "bbox": [0, 0, 1, 1], "area": 2}
    head = json.dumps({"format": "pcnet-proposals", "version": 1, "source": "sam", "shard": "1/2"}) + "\n"
    scored = json.dumps({"image_id": 5, "file_name": "a.jpg", "picture_digest": "crc32:00000000",
                         "proposals": [{**text_mask, **scores}, {**run_mask, "score": -1e-9}]}) + "\n"
    write("proposal_lines", "scored", (head + scored).encode())
    write("proposal_lines", "two_heads", (head + lines + head + scored).encode())
    write("proposal_lines", "other_head", head.replace("pcnet-proposals", "other").encode())
    write("proposal_lines", "head_in_a_line", (head.strip()[:-1] + ', "image_id": 1, "proposals": []}').encode())
    write("proposal_lines", "wrong_score", scored.replace("0.9", "[0.9]").encode())
    write("proposal_lines", "endless_score", scored.replace("-1e-09", "-1e999").encode())
    write("proposal_lines", "wrong_name", scored.replace('"a.jpg"', "7").encode())
    for name, left in (("whole", head + lines), ("head_only", head), ("torn", head + lines + scored[:-9]),
                       ("torn_head", head[:20]), ("torn_within", head + lines[:30] + "\n" + scored),
                       ("twice", head + lines + lines), ("empty_lines", "\n\n" + head + "\n")):
        write("proposal_partial", name, left.encode())
    write("proposal_partial", "zeros", head.encode() + lines.encode() + b"\0" * 40)
    write("proposal_partial", "nothing", b"")
    sam = json.dumps([{**text_mask, **scores}, {**run_mask, **scores}])
    write("sam_json", "whole", sam.encode())
    write("sam_json", "no_score", json.dumps([text_mask]).encode())
    write("sam_json", "text_score", sam.replace("0.9", '"x"').encode())
    write("sam_json", "cut", sam.encode()[:-9])
    table = "id,area,predicted_iou,stability_score\n0,10,0.9,0.95\n1,12,1e-3, 1 \n"
    write("sam_metadata", "whole", table.encode())
    write("sam_metadata", "crlf", table.replace("\n", "\r\n").encode())
    write("sam_metadata", "nan", table.replace("1e-3", "nan").encode())
    write("sam_metadata", "columns", table.replace(",0.95", "").encode())
    write("sam_metadata", "not_utf8", table.encode().replace(b"0.9,", b"\xe9,"))
    write("sam_metadata", "header_only", b"id,predicted_iou,stability_score")
    document = json.dumps({"images": [{"id": 2, "file_name": "a/b.jpg"}, {"id": 3}], "annotations": [
        {"image_id": 2, "score": 0.5, **text_mask}, {"image_id": 7, **run_mask}]})
    write("freesolo", "whole", document.encode())
    write("freesolo", "polygon", b'{"annotations": [{"image_id": 1, "segmentation": [[1, 2]]}]}')
    write("freesolo", "nested", b'{"annotations": {"annotations": [1]}, "x": [[{"annotations": []}]]}')
    write("freesolo", "values", b'{"annotations": [1, [2], "a", null]}')
    results = json.dumps([{"image_id": 2, "score": 0.05, "category_id": 1, **text_mask},
                          {"image_id": 7, **run_mask}])
    write("freesolo", "results", results.encode())
    write("freesolo", "nan", results.replace("0.05", "NaN").encode())
    write("freesolo", "values_listed", b'[1, [2], "a", null, {}]')
    write("freesolo", "cut", document.encode()[:-30])


def write_weight_name_seeds():
    """Names and shapes of published files, cut short, and the first bytes of files of all kinds."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
    import official
    import segmentors

    def listed(shapes, prefix="", most=None):
        return "".join(f"{prefix}{name} {' '.join(map(str, shape))}\n"
                       for name, shape in list(shapes.items())[:most]).encode()

    sam = segmentors.sam_shapes((8, 2, 2, (1,), 32))
    write("weight_names", "sam", listed(sam, most=40))
    write("weight_names", "sam_wrapped", listed(sam, "model.module.", most=40))
    write("weight_names", "mobile_sam", listed(segmentors.sam_shapes("MobileSAM"), most=30))
    write("weight_names", "freesolo", listed(segmentors.freesolo_shapes(), "model.")[-2000:])
    write("weight_names", "clip", listed(official.clip_shapes()))
    write("weight_names", "tris", listed(official.official_shapes("tris"), "model."))
    write("weight_names", "pcnet", listed(official.official_shapes("pcnet"), "model."))
    places = "image_encoder.pos_embed {}\nimage_encoder.blocks.0.attn.rel_pos_h {}\n"
    for name, table, of in (("huge", "1 64 64 1099511627776", "27 64"), ("none", "1 0 0 8", "27 4"),
                            ("odd_heads", "1 4 4 8", "27 3"), ("no_heads", "1 4 4 8", "27 0"),
                            ("flat", "1 4 4", "27 4"), ("endless", "9" * 18 + " 9" * 3, "27 4")):
        write("weight_names", name, places.format(table, of).encode())
    for name, mark in (("sam2", "memory_attention.a"), ("sam_hq", "mask_decoder.hf_token.weight"),
                       ("yolo", "model.22.a"), ("twice", "a 1\na"), ("no_name", "")):
        write("weight_names", name, f"{mark} 1\n".encode())
    for name, start in (("zip", b"PK\x03\x04"), ("npz", b"PK\x03\x04" + bytes(22) + b"\x05\0\0\0a.npy"),
                        ("safetensors", struct.pack("<Q", 2) + b"{}"), ("index", b' {"weight_map": {}}'),
                        ("old_torch", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
                        ("onnx", b"\x08\x07\x12\x07pytorch"), ("page", b"\xef\xbb\xbf<!DOCTYPE html>"),
                        ("lfs", b"version https://git-lfs"), ("pickle", b"\x80\x02}."), ("nothing", b""),
                        ("words", b"no weights")):
        write("file_kind", name, start)


def varint(value):
    """A number of a pack: little-endian base 128."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def record(*values):
    """Numbers, [signed numbers], (reals,) and texts as a pack holds them."""
    out = b""
    for value in values:
        if isinstance(value, list):
            out += b"".join(varint(n << 1 if n >= 0 else ~(n << 1)) for n in value)
        elif isinstance(value, tuple):
            out += struct.pack(f"<{len(value)}d", *value)
        elif isinstance(value, int):
            out += varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(len(data)) + data
    return out


def pack_sections(proposals):
    """The sections behind the pictures: one picture of 4 x 2, two objects, three texts."""
    tokens = record([2, 0, 4, 1, 2, 5])  # words, cut, then the ids
    texts = record(3, "red cup", tokens, "cup", record([1, 0, 4, 1, 5]), "what", b"")
    union, exclusive = b"026", b"017"
    masks = union + exclusive + union
    image = record([7], "a.jpg", [2, 4], 1, 0, len(proposals), zlib.crc32(proposals))
    box = (1.0, 0.0, 2.0, 2.0)
    objects = record([3, 7, 1], 0, box, 3, 3) + record([4, 7, 1], 1, box, 3, 0)
    references = record([1, 3, 7], "train", 1, [10], 0, "attribute")
    references += record([2, 4, 7], "val", 1, [11], 2, "")
    index = record(1) + image + record(1, [1], "cup", 2) + objects + record(2) + references
    cues = record(1, [10], 2, 1, 0)
    captions = record(1, [7], 1, 2)
    return [index, texts, cues, captions, masks, proposals]


def pack_file(key, side=32, magic=b"PCNETPAK"):
    """A whole pack, as src/data/pack/pack_format.h lays it out."""
    page = 4096
    picture = bytes(i % 251 for i in range(3 * side * side))
    proposals = record(1, b"026") + bytes([0b0110])
    checks = struct.pack("<IIQq", 1, zlib.crc32(picture), 100, 5)
    data, table = bytearray(page), b""
    for section in [json.dumps(key).encode(), checks, picture, *pack_sections(proposals)]:
        data += bytes(-len(data) % page)
        check = zlib.crc32(section)
        table += struct.pack("<QQII", len(data), len(section), check, 1)
        data += section
    rest = struct.pack("<QQ", 1, len(picture)) + table
    header = magic + struct.pack("<II", 2, zlib.crc32(rest)) + rest
    data[: len(header)] = header
    return bytes(data)


def write_pack_seeds():
    """Packs, whole and broken. The whole one is also read by tests/integration/pack_test.py."""
    key = {"dataset": "toy", "split_by": "unc", "images": "train2014", "exif": "stored",
           "image_size": 32, "text_length": 6, "truncate": "keep_end",
           "vocabulary": "3 words (00000000)",
           "proposal_filter": {"apply": "raw", "predicted_iou": "0.7", "stability": "0.7",
                               "min_area": "1000", "overlap": "0.8", "most": "40"}, "grid": [2, 2, 3],
           "sources": {"proposals": {"path": "proposals.jsonl", "bytes": 9, "modified": 1,
                                     "checksum": 2}}}
    whole = pack_file(key)
    write("pack", "whole", whole)
    write("pack", "unfinished", pack_file(key, magic=b"PCNETPRT"))
    write("pack", "large_grid", pack_file({**key, "grid": [4096, 4096, 65536]}))
    write("pack", "other_side", pack_file({**key, "image_size": 3}))
    write("pack", "no_key", pack_file("key"))
    write("pack", "cut", whole[: len(whole) // 2])
    write("pack", "header_alone", whole[:100])


def png_file(width, bits, kind, rows, *chunks):
    """A PNG of rows of raw bytes; `chunks` stand before the pixels."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + b"".join(chunk(name, data) for name, data in chunks)
            + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def write_mask_seeds():
    """Masks of every kind; pictures with an EXIF orientation as JPEG, PNG and WebP."""
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    whole = png_file(2, 16, 0, [b"\0\0\0\1", b"\1\0\0\0"])
    write("mask_png", "grey_16", whole)
    write("mask_png", "grey_1", png_file(3, 1, 0, [b"\x40"]))
    write("mask_png", "grey_with_a_clear_value", png_file(2, 2, 0, [b"\x10"], (b"tRNS", b"\0\1")))
    write("mask_png", "palette", png_file(2, 4, 3, [b"\x01"], (b"PLTE", bytes(6)), (b"tRNS", b"\0")))
    write("mask_png", "rgb_16", png_file(1, 16, 2, [b"\0\0\0\1\0\0"]))
    write("mask_png", "rgba", png_file(2, 8, 6, [b"\1\2\3\xff\0\0\0\0"], (b"eXIf", exif)))
    write("mask_png", "no_label_0", png_file(2, 8, 4, [b"\1\xff\2\xff"]))
    write("mask_png", "cut", whole[:-20])
    write("mask_png", "jpeg_exif", b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 8)
          + b"Exif\0\0" + exif + b"\xff\xd9")
    write("mask_png", "webp_exif", b"RIFF\x2e\0\0\0WEBPEXIF" + struct.pack("<I", len(exif)) + exif)


def write_language_model_seeds():
    """Answers, responses and prompts of a language model, and expressions for the rules."""
    for name, answer in {
        "json": b'["the cup", "red cup"]',
        "object": b'{"target": "cup", "cues": [{"a": "red cup"}, ["cup on the left"]]}',
        "python": b"['the cup', 'cup\\'s', \"red cup\",]",
        "lines": b"Sure:\n1. the cup\n2) red cup\n- \xe2\x80\xa2\n",
        "thinking": b"<think>[\"no\"]</think>```json\n[\"red cup\"]\n```",
        "cut": b'["the cup", "red c',
        "deep": b"[" * 200 + b'"cup"' + b"]" * 200,
        "not_utf8": b'["caf\xe9"]',
    }.items():
        write("cue_answer", name, answer)
    whole = json.dumps({"choices": [{"message": {"content": "[]"}}],
                        "usage": {"prompt_tokens": 3, "completion_tokens": 1}}).encode()
    for name, body in {
        "completion": whole,
        "parts": b'{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, 3]}}]}',
        "models": b'{"data": [{"id": "a"}, {"id": 3}, 4]}',
        "error": b'{"error": {"message": "no\\nmore", "code": "insufficient_quota"}}',
        "detail": b'{"detail": [{"loc": ["body"]}]}',
        "html": b"<html>\n\xff</html>",
        "cut": whole[:-9],
        "wrong_types": b'{"choices": [{"message": {"content": null}}], "usage": {"prompt_tokens": 1e99}}',
    }.items():
        write("chat_response", name, body)
    prompt = (pathlib.Path(__file__).parents[2] / "configs/cues/prompt.txt").read_bytes()
    write("cue_prompt", "whole", prompt)
    write("cue_prompt", "twice", prompt + b"[question]\n{sentence}\n")
    write("cue_prompt", "unknown", prompt + b"[else]\n")
    write("cue_prompt", "cut", prompt[: len(prompt) // 2])
    for name, text in {
        "long": b"There is a man whose hat is red, who is not holding two dogs while the cat sits",
        "short": b"2nd from left w/ hat & bag",
        "of": b"the taller of the pile of books of the man's of",
        "marks": b",,. ' - / & \xe2\x80\x99 caf\xc3\xa9 \xff",
        "same": b"whose " * 500,
    }.items():
        write("rule_cues", name, text)


def answers_of(place, stages, counts):
    """A sentence's answers as one process tells them to another (src/engine/answer_bytes.cpp)."""
    told = struct.pack("<Qqq4?q", place, 4, 5, False, True, False, True, 17)
    told += struct.pack("<Q", len(stages))
    for x, y, score in stages:
        told += struct.pack("<qqd??qq", x, y, score, True, False, 5, 9)
    return told + struct.pack(f"<Q{len(counts)}I", len(counts), *counts)


def write_answer_seeds():
    """Answers of a split's sentences, whole and broken."""
    one = answers_of(1, [(3, 4, 0.25), (0, 0, float("nan"))], [1, 2, 17])
    write("answer_bytes", "one", one)
    write("answer_bytes", "two", one + answers_of(3, [(1, 1, 1.0)], []))
    write("answer_bytes", "no_stage", answers_of(0, [], [20]))
    write("answer_bytes", "of_another_split", answers_of(9, [(1, 1, 1.0)], []))
    write("answer_bytes", "many", one[:36] + struct.pack("<Q", 2**63) + one[44:])
    write("answer_bytes", "cut", one[:-3])
    write("answer_bytes", "nothing", b"")


def write_question_seeds():
    """Questions to the server, and images of every kind that it takes."""
    whole = (b'{"image": "Zm9v", "texts": ["a cup", "the star"], "cues": [["cup"], null], "segmentor": "sam",'
             b' "clicks": [null, [{"x": 1.5, "y": 2, "label": 0}]], "maps": true, "map_size": 64}')
    part = b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = [(b"image", b"foo"), (b"text", b"a cup"), (b"cue", b"cup"), (b"map_size", b"64")]
    form = b"".join(part % field for field in fields)
    for name, body in {
        "whole": whole,
        "cut": whole[:90],
        "by_id": b'{"image_id": "12ab", "text": "cup"}',
        "slashes": b'{"image": "+\\/+\\/", "text": "\\u00e9"}',
        "deep": b'{"texts": ' + b"[" * 300 + b"]" * 300 + b"}",
        "twice": b'{"text": "a", "text": "b"}',
        "form": form + b"--B--\r\n",
        "form_json": form + part % (b"clicks", b'[[{"x":1,"y":1}]]') + b"--B--",
        "form_cut": form,
        "form_quoted": (part % (b'a\\"b', b"")).replace(b"; name", b'; filename="x;y" ; NAME') + b"--B--",
    }.items():
        write("serve_question", name, body)
    picture = Image.fromarray(numpy.arange(5 * 7 * 3, dtype=numpy.uint8).reshape(5, 7, 3))
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        out = io.BytesIO()
        picture.save(out, kind)
        write("picture_bytes", kind.lower(), out.getvalue())
        write("picture_bytes", f"{kind.lower()}_cut", out.getvalue()[:-9])


def write_answer_line_seeds():
    """Lines of eval --per-sentence."""
    entry = {"split": "val", "sent_id": 3, "image_id": 9, "text": "caf\u00e9 <b>", "hit": True,
             "iou": 0.5, "intersection": 4, "union": 8}
    line = json.dumps(entry)
    other = json.dumps({**entry, "sent_id": -1, "kind": "position", "intersection": 0, "union": 0})
    write("answer_lines", "two", f"{line}\n{other}\r\n".encode())
    write("answer_lines", "twice", f"{line}\n{line}\n".encode())
    write("answer_lines", "torn", f"{line}\n{other[:-30]}".encode())
    write("answer_lines", "no_split", line.replace('"split": "val", ', "").encode())
    write("answer_lines", "wrong_types", json.dumps({**entry, "hit": 1, "text": []}).encode())
    write("answer_lines", "more_than_union", json.dumps({**entry, "intersection": 9}).encode())
    write("answer_lines", "huge", json.dumps({**entry, "union": 2**63 - 1}).encode())
    write("answer_lines", "huge_id", json.dumps({**entry, "sent_id": 2**64 - 1}).encode())
    write("answer_lines", "nan", line.replace("4", "NaN").encode())
    write("answer_lines", "deep", line.replace("true", "[" * 3000 + "]" * 3000).encode())
    write("answer_lines", "not_utf8", line.replace("\\u00e9", "\xff").encode("latin-1"))


def write_run_history_seeds():
    """log.jsonl of a run."""
    step = {"event": "step", "step": 1, "lr": 0.1, "loss": {"total": 1.5, "iad": -1}, "gradient_norm": 2}
    lines = [json.dumps({"event": "start", "step": 0}), json.dumps(step),
             json.dumps({**step, "step": 2, "loss": {"total": "nan"}}),
             json.dumps({"event": "validation", "step": 2, "point_m": 50.5, "miou": 1e300})]
    whole = "\n".join(lines) + "\n"
    write("run_history", "whole", whole.encode())
    write("run_history", "resumed", (whole + json.dumps({"event": "resume", "step": 1}) + "\n" + whole).encode())
    write("run_history", "torn", whole.encode()[:-30])
    write("run_history", "wrong_types", b'{"event":"step","step":[],"loss":7}\n{"event":3}\n{"event":"step","loss":{"a":{}}}')
    write("run_history", "huge_step", whole.replace('"step": 2', '"step": 18446744073709551615').encode())
    write("run_history", "not_utf8", whole.encode() + b'{"event":"\xff"}')


def main():
    """All corpora."""
    write_question_seeds()
    write_answer_seeds()
    write_answer_line_seeds()
    write_run_history_seeds()
    write_safetensors_seeds()
    write_tokenizer_seeds()
    write_instances_seeds()
    write_references_seeds()
    write_rle_seeds()
    write_custom_seeds()
    write_npy_seeds()
    write_pickle_seeds()
    write_cue_seeds()
    write_language_model_seeds()
    write_proposal_seeds()
    write_weight_name_seeds()
    write_torch_seeds()
    write_pack_seeds()
    write_mask_seeds()


if __name__ == "__main__":
    main()
