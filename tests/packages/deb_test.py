"""The .deb, in a root that holds the files of the packages that it depends on, and no others."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from bare_root import RunsThere, cpack, make_root, require_chroot, run_in

HOLDER = tempfile.TemporaryDirectory(prefix="pcnet_deb_")
WORK = pathlib.Path(HOLDER.name)


def output(*command):
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
    return result.stdout


def pipe(first, second):
    """What one command writes, the other reads."""
    with subprocess.Popen(first, stdout=subprocess.PIPE) as writer:
        subprocess.run(second, stdin=writer.stdout, check=True)
    if writer.returncode != 0:
        raise AssertionError(f"{first} ended with {writer.returncode}")


def setUpModule():
    require_chroot()
    unittest.addModuleCleanup(HOLDER.cleanup)
    global PACKAGE
    PACKAGE = cpack("DEB", WORK / "made")


def installed_packages():
    """The dependencies of each installed package, a list of alternatives each, by its names."""
    text = output("dpkg-query", "-W", "-f", "${Package}|${Provides}|${Pre-Depends}, ${Depends}\n")
    found = {}
    for line in text.splitlines():
        name, provides, needs = line.split("|", 2)
        for each in (name, *re.findall(r"[a-z0-9][a-z0-9+.-]+(?= \(|,|$)", provides)):
            found.setdefault(each, (name, needs))
    return found


def closure(needs):
    """Names of the installed packages that `needs`, as in Depends, leads to."""
    installed, names, open_needs = installed_packages(), set(), [needs]
    while open_needs:
        for need in filter(None, map(str.strip, open_needs.pop().split(","))):
            choices = [choice.split()[0].split(":")[0] for choice in need.split("|")]
            name, further = next(installed[choice] for choice in choices if choice in installed)
            if name not in names:
                names.add(name)
                open_needs.append(further)
    return names


def copy_packages(names, root):
    """Their files, and the names that the system gave the libraries of its choice."""
    links = [path for path in pathlib.Path("/usr/lib").glob("*-linux-gnu/lib*.so.*")
             if path.is_symlink() and str(path.readlink()).startswith("/etc/alternatives/")]
    links += [path.readlink() for path in links]
    files = "\n".join([output("dpkg-query", "-L", *sorted(names)), *map(str, links)])
    kept = [path for path in sorted(set(files.splitlines()))
            if path.startswith("/") and not path.startswith(("/usr/share/doc", "/usr/share/man"))
            and pathlib.Path(path).exists() and not pathlib.Path(path).is_dir()]
    names = WORK / "files.txt"
    names.write_text("\n".join(path.lstrip("/") for path in kept))
    pipe(["tar", "-C", "/", "-cf", "-", "-T", names], ["tar", "-C", root, "-xf", "-"])


class Bare(RunsThere, unittest.TestCase):
    configs = "/usr/share/pcnet/configs"

    @classmethod
    def setUpClass(cls):
        cls.root = WORK / "root"
        make_root(cls.root)
        needs = output("dpkg-deb", "-f", PACKAGE, "Depends")
        copy_packages(closure(f"{needs}, dash, coreutils"), cls.root)
        pipe(["dpkg-deb", "--fsys-tarfile", PACKAGE], ["tar", "-C", cls.root, "-xf", "-"])

    def there(self, *arguments):
        site = "work/.venv/lib/python3.11/site-packages"
        return run_in(self.root, f"{site}/torch", "pcnet", *arguments)

    def test_pages_and_completion_are_where_debian_looks(self):
        for name in ("bash-completion/completions/pcnet", "zsh/vendor-completions/_pcnet",
                     "fish/vendor_completions.d/pcnet.fish", "man/man1/pcnet-train.1"):
            self.assertTrue((self.root / "usr/share" / name).is_file(), name)

    def test_torch_is_no_dependency(self):
        needs = output("dpkg-deb", "-f", PACKAGE, "Depends")
        self.assertIn("libopencv-core", needs)
        self.assertNotIn("torch", needs)


if __name__ == "__main__":
    unittest.main()
