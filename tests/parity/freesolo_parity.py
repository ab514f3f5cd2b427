"""The released FreeSOLO on a small image against the formulas in plain PyTorch, random weights."""

import freesolo_peer
import peers


class Freesolo(freesolo_peer.FreesoloTest):
    def test_equals_the_formulas(self):
        self.check(shortest=200, size=(150, 260), seed=1)


if __name__ == "__main__":
    peers.main()
