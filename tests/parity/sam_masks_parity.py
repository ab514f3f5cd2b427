"""The mask generator with a small SAM of ViT-B's width on photographs (sam_masks_peer.py)."""

import peers
import sam_masks_peer
import sam_peers
from sam_masks_peer import case

PHOTOGRAPHS = ("chelsea.png", "rocket.jpg")
CLICKS = 6  # that the package's own networks answer too


class SamMasks(sam_masks_peer.MasksTest):
    def test_photographs(self):
        model = sam_peers.lively(sam_peers.plain(768, 12), seed=7)
        pictures = {name: sam_masks_peer.photograph(name) for name in PHOTOGRAPHS}
        # Masks of random weights are speckled all over: their boxes are nearly one, so that a
        # threshold below 1 leaves few.
        cases = [
            case(PHOTOGRAPHS[0], points=6, box_nms=1.0),
            case(PHOTOGRAPHS[1], points=4, batch=5, box_nms=1.0),
            case(PHOTOGRAPHS[0], points=4, region_area=800, box_nms=0.9),
            case(PHOTOGRAPHS[1], points=8, predicted_iou=0.05, stability=0.7),
        ]
        records, answers = self.ours(model, pictures, cases)
        total = 0
        for one, ours, answer in zip(cases, records, answers):
            total += self.check_generator(pictures[one["image"]], one, ours, answer)
        for i in (0, 1):
            self.check_networks(model, pictures[cases[i]["image"]], cases[i], answers[i], CLICKS)
        self.assertGreater(total, 150)


if __name__ == "__main__":
    peers.main()
