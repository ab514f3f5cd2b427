"""The released FreeSOLO at its own 800 px against the formulas in plain PyTorch, random weights."""

import freesolo_peer
import peers


class Freesolo(freesolo_peer.FreesoloTest):
    def test_equals_the_formulas(self):
        self.check(shortest=800, size=(480, 640), seed=2)


if __name__ == "__main__":
    peers.main()
