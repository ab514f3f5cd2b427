"""open_clip as the peer of the CLIP encoders, with weights that let every part speak."""

import importlib.abc
import importlib.machinery
import logging
import sys
import types

import peers

torch = peers.peer("torch")


class _Named(type):
    """A class whose unknown attributes are their own names: enough for enumerations."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Stub(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(name, (), {})


class _TorchvisionStubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Stub(spec.name)

    def exec_module(self, module):
        pass


def open_clip():
    """The module open_clip, imported without torchvision.

    open_clip names torchvision's picture transforms and frozen norms when it is imported; its
    networks use neither. A torchvision wheel binds the test environment to one build of torch (and
    one that does not fit fails on import), so empty classes stand in for it.
    """
    finder = _TorchvisionStubs()
    if "open_clip" not in sys.modules:
        sys.meta_path.insert(0, finder)
    try:
        logging.getLogger().setLevel(logging.ERROR)  # "no pretrained weights" is the intention
        return peers.peer("open_clip")
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


def lively(model, seed):
    """Random weights that keep signals of about unit size in every part of the network.

    CLIP starts the last norm of each residual branch at zero, which would hide the whole branch;
    here every weight, bias, running mean and variance is drawn.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(like, mean, deviation):
        return torch.randn(like.shape, generator=generator) * deviation + mean

    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name == "logit_scale" or not value.is_floating_point():
                continue
            if name.endswith("running_var"):
                value.copy_(normal(value, 1.0, 0.2).abs() + 0.3)
            elif name.endswith("running_mean"):
                value.copy_(normal(value, 0.0, 0.3))
            elif "embedding" in name:
                value.copy_(normal(value, 0.0, 0.3))
            elif value.dim() == 1 and name.endswith("weight"):  # a norm's
                value.copy_(normal(value, 0.7, 0.2))
            elif value.dim() == 1:
                value.copy_(normal(value, 0.0, 0.2))
            else:  # a convolution's or a linear map's
                fan_in = value[0].numel() if name != "text_projection" else value.shape[0]
                value.copy_(normal(value, 0.0, (1.5 / fan_in) ** 0.5))
    return model.eval()


LAYERS = ("layer1", "layer2", "layer3", "layer4")


def image_answers(model, images):
    """What the driver's command `clip` gives for these pictures, by open_clip."""
    visual = model.visual
    answers = {"stem": visual.stem(images)}
    value = answers["stem"]
    for layer in LAYERS:
        value = answers[layer] = getattr(visual, layer)(value)
    answers["pool"] = visual.attnpool(value)
    return answers


def place_positions(model, height, width):
    """Resizes the attention pool's positions for a grid of height x width cells."""
    pool = model.visual.attnpool
    rows = pool.positional_embedding.detach()
    side = round((rows.shape[0] - 1) ** 0.5)
    cells = rows[1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    cells = torch.nn.functional.interpolate(
        cells, (height, width), mode="bilinear", align_corners=False)
    cells = cells.permute(0, 2, 3, 1).reshape(height * width, -1)
    pool.positional_embedding = torch.nn.Parameter(torch.cat([rows[:1], cells]))


def texts(generator):
    """Token rows of 77: several lengths, equal ones, one without its end token, one of padding."""
    rows = torch.zeros(9, 77, dtype=torch.int64)
    for row, length in zip(rows, (1, 3, 10, 18, 40, 75, 3)):
        row[0] = 49406
        row[1:length + 1] = torch.randint(1, 49405, (length,), generator=generator)
        row[length + 1] = 49407
    rows[6] = rows[1]
    rows[7, 0] = 49406
    rows[7, 1:] = torch.randint(1, 49405, (76,), generator=generator)
    return rows


class ClipTest(peers.DriverTest):
    """Compares answers by two measures: the largest difference over the largest value, and the
    length of the difference over the length of the value."""

    tolerance = 1e-4

    def setUp(self):
        super().setUp()
        torch.set_num_threads(1)
        torch.set_grad_enabled(False)
        self.generator = torch.Generator().manual_seed(5)

    def images(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def answers(self, architecture, resolution, weights, inputs):
        safetensors = peers.peer("safetensors.torch")
        safetensors.save_file(inputs, self.path("inputs"))
        self.run_driver("clip", architecture, str(resolution), weights, self.path("inputs"),
                        self.path("answers"))
        return safetensors.load_file(self.path("answers"))

    def assert_near(self, name, got, wanted):
        self.assertEqual(got.shape, wanted.shape, name)
        self.assertGreater(wanted.std().item(), 1e-2, f"{name} hardly varies")
        difference = (got - wanted).double()
        largest = (difference.abs().max() / wanted.abs().max()).item()
        length = (difference.norm() / wanted.double().norm()).item()
        print(f"{name}: largest {largest:.1e}, length {length:.1e}", flush=True)
        self.assertLess(largest, self.tolerance, name)
        self.assertLess(length, self.tolerance, name)

    def assert_images_near(self, name, answers, model, images):
        wanted = image_answers(model, images)
        for part, value in wanted.items():
            self.assert_near(f"{name}.{part}", answers[f"{name}.{part}"], value)
