"""A system of a few files, in which a package is run by chroot, and what is asked of it there."""

import os
import pathlib
import shutil
import subprocess
import unittest

TORCH = pathlib.Path(os.environ["PCNET_TORCH_ROOT"])
PATIENCE = 300  # seconds
TINY = ("model.clip.visual.width=8", "train.max_steps=3", "train.batch_size=4",
        "train.warmup_steps=1", "eval.samples=1", "run.threads=1")


def cpack(generator, folder):
    """Makes a package of the build; its file."""
    build = pathlib.Path(os.environ["PCNET_BUILD"])
    program = pathlib.Path(os.environ["PCNET_CMAKE"]).with_name("cpack")
    subprocess.run(
        [program, "-G", generator, "--config", build / "CPackConfig.cmake", "-B", folder],
        check=True, stdout=subprocess.DEVNULL)
    (made,) = [path for path in folder.iterdir() if path.is_file()]
    return made


def require_chroot():
    """Skips where this process may not mount and change its root."""
    tried = subprocess.run(["unshare", "--mount", "chroot", "/", "true"], capture_output=True,
                           text=True)
    if tried.returncode != 0:
        raise unittest.SkipTest(f"no chroot: {tried.stderr.strip()}")


def make_root(root):
    """The folders of a merged /usr, with the devices that programs ask for."""
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "dev", "proc", "tmp", "work"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("null", "urandom"):
        os.mknod(root / "dev" / name, 0o20666, os.stat(f"/dev/{name}").st_rdev)


def copy_into(root, path):
    """A file of this system, to the same place there."""
    target = root / str(path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def run_in(root, torch_at, *command, **environment):
    """Runs a command in /work of `root`, with this system's torch mounted at `torch_at`. The mounts
    end with it."""
    (root / torch_at).mkdir(parents=True, exist_ok=True)
    steps = ('mount --bind -o ro "$TORCH" "$1/$2"; mount -t proc proc "$1/proc"; root=$1; shift 2; '
             'unset TORCH; exec chroot "$root" /bin/sh -c \'cd /work && exec "$@"\' - "$@"')
    return subprocess.run(
        ["unshare", "--mount", "sh", "-ec", steps, "-", root, torch_at, *command],
        capture_output=True, text=True, timeout=PATIENCE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TORCH": str(TORCH), **environment})


class RunsThere:
    """What an installed program does in a bare root: `self.there(*arguments)` runs it."""

    def well(self, *arguments):
        result = self.there(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_it_trains_and_predicts(self):
        self.assertIn(f"pcnet {os.environ['PCNET_VERSION']} ", self.well("--version"))
        configs = f"{self.configs}/refsynth/clip.yaml"
        settings = [word for setting in TINY for word in ("--set", setting)]
        self.well("data", "synth", "--out", "data", "--images", "30", "--difficulty", "easy")
        self.well("train", configs, "--root", "data", "--run", "run", *settings)
        images = self.root / "work/data/images/mscoco/images/train2014"
        image = sorted(images.iterdir())[0].relative_to(self.root / "work")
        self.well("predict", "run", "--image", image, "--text", "the red circle", "--out", "found")
        found = {path.suffixes[0] for path in (self.root / "work/found").iterdir()}
        self.assertLessEqual({".mask", ".overlay", ".response"}, found)

    def test_a_wrong_call_keeps_its_exit_code(self):
        result = self.there("trian")
        self.assertEqual(result.returncode, 2)
        self.assertIn('did you mean "train"?', result.stderr)
