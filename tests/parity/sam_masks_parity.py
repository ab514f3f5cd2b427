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
        cases = [
            case(PHOTOGRAPHS[0], points=6, box_nms=0.95),
            case(PHOTOGRAPHS[0], points=4, batch=5, region_area=800, box_nms=0.9),
            case(PHOTOGRAPHS[1], points=8, predicted_iou=0.05, stability=0.7),
        ]
        records, answers = self.ours(model, pictures, cases)
        total = 0
        for one, ours, answer in zip(cases, records, answers):
            pixels = pictures[one["image"]]
            total += self.check_generator(pixels, one, ours, answer)
        for i in (0, 2):
            self.check_networks(model, pictures[cases[i]["image"]], cases[i], answers[i], CLICKS)
        self.assertGreater(total, 50)


if __name__ == "__main__":
    peers.main()
