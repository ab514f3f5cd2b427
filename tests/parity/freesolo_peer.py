"""FreeSOLO once more, in plain PyTorch functions from docs/freesolo.md, and what compares the two.

There is no package of it. The backbone is torchvision's resnet101 and FeaturePyramidNetwork under
other names, but torchvision's wheel loads with its own build of torch only.
"""

import json

import peers

np = peers.peer("numpy")
torch = peers.peer("torch")
coco = peers.peer("pycocotools.mask")
image = peers.peer("PIL.Image")
safetensors = peers.peer("safetensors.torch")
F = torch.nn.functional

BLOCKS = {"res2": 3, "res3": 4, "res4": 23, "res5": 3}
GRIDS = (40, 36, 24, 16, 12)
STRIDES = (8, 8, 16, 32, 32)


def shapes():
    """Every tensor of the released checkpoint."""
    found = {"_iter": [1]}

    def conv_norm(name, out, into, side):
        found[f"{name}.weight"] = [out, into, side, side]
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.norm.{part}"] = [out]

    def conv(name, out, into, side):
        found[f"{name}.weight"] = [out, into, side, side]
        found[f"{name}.bias"] = [out]

    def group(name, first, out, into, side):
        found[f"{name}.{first}.weight"] = [out, into, side, side]
        found[f"{name}.{first + 1}.weight"] = found[f"{name}.{first + 1}.bias"] = [out]

    conv_norm("backbone.bottom_up.stem.conv1", 64, 3, 7)
    channels = 64
    for i, (layer, blocks) in enumerate(BLOCKS.items()):
        width = 64 * 2**i
        for b in range(blocks):
            name = f"backbone.bottom_up.{layer}.{b}"
            conv_norm(f"{name}.conv1", width, channels, 1)
            conv_norm(f"{name}.conv2", width, width, 3)
            conv_norm(f"{name}.conv3", 4 * width, width, 1)
            if b == 0:
                conv_norm(f"{name}.shortcut", 4 * width, channels, 1)
            channels = 4 * width
        conv(f"backbone.fpn_lateral{i + 2}", 256, channels, 1)
        conv(f"backbone.fpn_output{i + 2}", 256, 256, 3)
    for tower, first in (("cate_tower", 256), ("kernel_tower", 258)):
        for i in range(4):
            group(f"ins_head.{tower}", 3 * i, 512, 512 if i else first, 3)
    for name, out in (("cate_pred", 2), ("kernel_pred", 256), ("emb_pred", 128)):
        conv(f"ins_head.{name}", out, 512, 3)
    for i in range(4):
        for j in range(max(1, i)):
            into = 128 if j else 258 if i == 3 else 256
            group(f"mask_head.convs_all_levels.{i}.conv{j}", 0, 128, into, 3)
    group("mask_head.conv_pred", 0, 256, 128, 1)
    return found


def draw(seed):
    """Every tensor filled, so that signals keep about unit size and cells find something."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes().items():
        value = torch.randn(shape, generator=generator)
        if name.endswith("running_var"):
            value = (value * 0.2 + 1).abs() + 0.3
        elif len(shape) == 1:
            value = value * 0.2 + (0.7 if name.endswith("weight") else 0)
        else:
            value *= (1.5 / value[0].numel()) ** 0.5
        state[name] = value
    state["ins_head.cate_pred.bias"] -= 1.5
    state["ins_head.kernel_pred.weight"] *= 0.3
    state["ins_head.kernel_pred.bias"] *= 0.3
    return state


class Peer:
    def __init__(self, state):
        self.state = state

    def conv_norm(self, x, name, stride=1):
        weight = self.state[f"{name}.weight"]
        norm = [self.state[f"{name}.norm.{part}"]
                for part in ("running_mean", "running_var", "weight", "bias")]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        return F.batch_norm(x, *norm, eps=1e-5)

    def conv(self, x, name):
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, self.state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def group(self, x, name, first=0):
        weight = self.state[f"{name}.{first}.weight"]
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return F.relu(F.group_norm(x, 32, self.state[f"{name}.{first + 1}.weight"],
                                   self.state[f"{name}.{first + 1}.bias"]))

    def pyramid(self, images):
        x = F.relu(self.conv_norm(images, "backbone.bottom_up.stem.conv1", stride=2))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        laterals = []
        for i, (layer, blocks) in enumerate(BLOCKS.items()):
            for b in range(blocks):
                name = f"backbone.bottom_up.{layer}.{b}"
                stride = 2 if b == 0 and i > 0 else 1
                y = F.relu(self.conv_norm(x, f"{name}.conv1"))
                y = F.relu(self.conv_norm(y, f"{name}.conv2", stride))
                y = self.conv_norm(y, f"{name}.conv3")
                x = F.relu(y + (self.conv_norm(x, f"{name}.shortcut", stride) if b == 0 else x))
            laterals.append(self.conv(x, f"backbone.fpn_lateral{i + 2}"))
        for i in (2, 1, 0):
            laterals[i] = laterals[i] + F.interpolate(laterals[i + 1], scale_factor=2)
        levels = [self.conv(x, f"backbone.fpn_output{i + 2}") for i, x in enumerate(laterals)]
        return levels + [levels[-1][..., ::2, ::2]]

    def cells(self, pyramid):
        levels = list(pyramid)
        levels[0] = F.interpolate(levels[0], scale_factor=0.5, mode="bilinear")
        levels[4] = F.interpolate(levels[4], size=levels[3].shape[-2:], mode="bilinear")
        for level, side in zip(levels, GRIDS):
            both = F.interpolate(placed(level), size=(side, side), mode="bilinear")
            category, kernel = both[:, :256], both
            for i in range(4):
                category = self.group(category, "ins_head.cate_tower", 3 * i)
                kernel = self.group(kernel, "ins_head.kernel_tower", 3 * i)
            yield self.conv(category, "ins_head.cate_pred"), self.conv(kernel, "ins_head.kernel_pred")

    def mask_features(self, pyramid):
        total = 0
        for i in range(4):
            x = placed(pyramid[i]) if i == 3 else pyramid[i]
            for j in range(max(1, i)):
                x = self.group(x, f"mask_head.convs_all_levels.{i}.conv{j}")
                if i:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear")
            total = total + x
        return self.group(total, "mask_head.conv_pred")

    def __call__(self, images):
        pyramid = self.pyramid(images)
        computed = {f"p{i + 2}": level for i, level in enumerate(pyramid)}
        for i, (logits, kernels) in enumerate(self.cells(pyramid)):
            computed[f"logits{i}"], computed[f"kernels{i}"] = logits, kernels
        computed["mask_features"] = self.mask_features(pyramid)
        return computed


def placed(x):
    rows, columns = torch.meshgrid(
        torch.linspace(-1, 1, x.shape[-2]), torch.linspace(-1, 1, x.shape[-1]), indexing="ij")
    return torch.cat([x, columns[None, None], rows[None, None]], 1)


def make_input(picture, shortest, longest=1333):
    """-> [1, 3, H, W] with its padding, (h, w) without"""
    width, height = picture.size
    scale = shortest / min(width, height)
    scale = min(scale, longest / max(width, height))
    h, w = int(height * scale + 0.5), int(width * scale + 0.5)
    pixels = np.asarray(picture.resize((w, h), image.Resampling.BILINEAR), dtype=np.float32)
    pixels = (pixels - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    tensor = torch.from_numpy(pixels).float().permute(2, 0, 1)[None]
    return F.pad(tensor, (0, -w % 32, 0, -h % 32)), (h, w)


def peaks(scores):
    """scores [classes, S, S]: 0 where a cell above, left or between is larger."""
    around = F.pad(scores, (1, 0, 1, 0), value=-torch.inf)
    largest = torch.stack([around[:, :-1, :-1], around[:, :-1, 1:], around[:, 1:, :-1], scores]).amax(0)
    return torch.where(scores == largest, scores, 0.0)


def instances(computed):
    """-> scores [n], soft masks [n, h, w], the best first"""
    features = computed["mask_features"][0]
    found = []
    for i, stride in enumerate(STRIDES):
        scores = peaks(computed[f"logits{i}"][0].sigmoid())
        kernels = computed[f"kernels{i}"][0]
        for cell in range(scores[0].numel()):
            row, column = divmod(cell, scores.shape[-1])
            for label in range(scores.shape[0]):
                score = scores[label, row, column].item()
                if score <= 0.1:
                    continue
                soft = torch.einsum("c,chw->hw", kernels[:, row, column], features).sigmoid()
                inside = soft > 0.5
                if inside.sum() > stride:
                    found.append((score * soft[inside].mean().item(), label, inside, soft))
    found.sort(key=lambda item: -item[0])
    found = found[:500]
    scores = torch.tensor([item[0] for item in found], dtype=torch.float64)
    labels = torch.tensor([item[1] for item in found])
    masks = torch.stack([item[2] for item in found]).flatten(1).float()
    both = (masks @ masks.t()).double()
    area = both.diagonal()
    overlap = both / (area[:, None] + area[None] - both)
    overlap = torch.where(labels[:, None] == labels[None], overlap, 0).triu(1)
    worst = overlap.amax(0)
    decay = torch.exp(-2 * overlap**2) / torch.exp(-2 * worst**2)[:, None]
    scores = scores * decay.amin(0)
    order = [i for i in scores.argsort(descending=True).tolist() if scores[i] >= 0.05][:100]
    return scores[order], torch.stack([found[i][3] for i in order]), len(found)


def proposals(scores, soft, seen, size):
    """-> (score, soft mask of the picture's size) of each that is not empty"""
    answers = []
    for score, mask in zip(scores.tolist(), soft):
        mask = F.interpolate(mask[None, None], scale_factor=4, mode="bilinear")
        mask = F.interpolate(mask[..., :seen[0], :seen[1]], size=size, mode="bilinear")[0, 0]
        if (mask > 0.5).any():
            answers.append((score, mask))
    return answers


class FreesoloTest(peers.DriverTest):
    """Compares the whole network, and, from the same features, what is made of them."""

    def setUp(self):
        super().setUp()
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)

    def check(self, shortest, size, seed):
        height, width = size
        noise = torch.rand((1, 3, height // 40 + 2, width // 40 + 2),
                           generator=torch.Generator().manual_seed(seed))
        pixels = F.interpolate(noise, size=size, mode="bicubic")[0].clamp(0, 1) * 255
        picture = image.fromarray(pixels.permute(1, 2, 0).byte().numpy())
        picture.save(self.path("picture.png"))
        state = draw(seed)
        torch.save({"model": state, "iteration": 30000}, self.path("solo.pth"))
        self.run_driver("freesolo", self.path("solo.pth"), self.path("picture.png"), str(shortest),
                        self.path("computed"), self.path("proposals"))
        got = safetensors.load_file(self.path("computed"))
        given = json.loads((self.folder / "proposals").read_text())
        images, seen = make_input(picture, shortest)
        self.assert_near("input", got["input"], images, 1e-6)
        for name, value in Peer(state)(images).items():
            self.assert_near(name, got[name], value, 1e-5)
        self.assert_proposals(given, got, seen, size)

    def assert_near(self, name, got, wanted, tolerance):
        self.assertEqual(got.shape, wanted.shape, name)
        self.assertGreater(wanted.std().item(), 1e-2, f"{name} hardly varies")
        difference = (got - wanted).double()
        largest = (difference.abs().max() / wanted.abs().max()).item()
        length = (difference.norm() / wanted.double().norm()).item()
        print(f"{name}: largest {largest:.1e}, length {length:.1e}", flush=True)
        self.assertLess(largest, tolerance, name)
        self.assertLess(length, tolerance, name)

    def assert_proposals(self, given, computed, seen, size):
        scores, soft, before = instances(computed)
        wanted = proposals(scores, soft, seen, size)
        print(f"{before} masks, {len(wanted)} proposals", flush=True)
        self.assertGreater(before, len(wanted) + 10, "nothing was suppressed")
        self.assertGreater(len(wanted), 20)
        self.assertEqual(len(given), len(wanted))
        undecided = different = 0
        for proposal, (score, mask) in zip(given, wanted):
            self.assertAlmostEqual(proposal["score"], score, delta=1e-6)
            self.assertEqual(proposal["size"], list(size))
            pixels = torch.from_numpy(coco.decode(proposal)).bool()
            wrong = pixels != (mask > 0.5)
            close = (mask - 0.5).abs() < 1e-6  # a last bit decides
            self.assertFalse((wrong & ~close).any(), "a pixel differs")
            different += wrong.sum().item()
            undecided += close.sum().item()
        print(f"{different} pixels differ, of {undecided} within 1e-6 of the threshold", flush=True)
