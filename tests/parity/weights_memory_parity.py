"""Large weight files are never resident twice: peak memory of conversions and copies.

PCNET_MEMORY_MIB sets the size of the file (256); what a tiny file takes is counted off.
"""

import os
import re
import subprocess

import peers

torch = peers.peer("torch")
safetensors_torch = peers.peer("safetensors.torch")

MIB = 1 << 20


class Memory(peers.DriverTest):
    size = int(os.environ.get("PCNET_MEMORY_MIB", "256")) * MIB

    def peak(self, *words):
        """The driver's largest resident size in bytes (its own count: rusage counts ours too)."""
        done = subprocess.run([self.driver, "peak", *words], capture_output=True, text=True,
                              check=True)
        return int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout).group(1)) * 1024

    def peaks(self):
        """Of each direction; where `load` keeps a copy of everything, the others keep nothing."""
        for words in (("weights", "in.pth", "out.safetensors", "about"), ("load", "in.pth"),
                      ("pth", "out.safetensors", "again.pth"), ("load", "out.safetensors")):
            yield words, self.peak(words[0], *map(self.path, words[1:]))

    def test_peak_memory(self):
        torch.save({"w": torch.ones(8)}, self.path("in.pth"))
        tiny = [peak for _, peak in self.peaks()]
        rows = self.size // 8 // 4096
        torch.save({f"layer{i}.weight": torch.ones(rows, 1024) for i in range(8)},
                   self.path("in.pth"))
        for (words, peak), base in zip(self.peaks(), tiny):
            print(f"{' '.join(words)}: {peak // MIB} MiB ({base // MIB} for a tiny file), "
                  f"the file has {self.size // MIB}", flush=True)
            self.assertLess(peak - base, (1.15 if words[0] == "load" else 0.15) * self.size)
        for part in safetensors_torch.load_file(self.path("out.safetensors")).values():
            self.assertTrue(torch.equal(part, torch.ones(rows, 1024)))


if __name__ == "__main__":
    peers.main()
