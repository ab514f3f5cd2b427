"""The whole ViT-B at its own size and App. D's grid on photographs, networks and mask generator
(sam_masks_peer.py); minutes."""

import peers
import sam_masks_peer
import sam_peers
from sam_masks_peer import case

PHOTOGRAPHS = ("rocket.jpg", "coffee.png")


class SamLarge(sam_masks_peer.MasksTest):
    def test_vit_b(self):
        package = sam_peers.segment_anything()
        model = sam_peers.lively(package.sam_model_registry["vit_b"](), seed=1)
        self.assertEqual(sum(value.numel() for value in model.state_dict().values()), 93_735_728)
        pictures = {name: sam_masks_peer.photograph(name) for name in PHOTOGRAPHS}
        cases = [case(name, box_nms=0.9) for name in PHOTOGRAPHS]
        records, answers = self.ours(model, pictures, cases)
        for one, ours, answer in zip(cases, records, answers):
            pixels = pictures[one["image"]]
            self.check_generator(pixels, one, ours, answer)
            self.check_networks(model, pixels, one, answer, 64)
        equal, all_of = self.check_whole(model, pictures[PHOTOGRAPHS[0]], cases[0], records[0])
        print(f"{equal} of {all_of} records equal to the last bit on networks of their own")


if __name__ == "__main__":
    peers.main()
