//! The Merkle tree of RFC 6962, section 2.1: hashes of leaves and ranges, inclusion proofs and consistency proofs.
//!
//! A range is *perfect* if its length is a power of two that divides its start. Its hash never changes while the log
//! grows, so it can be computed from the entry of the range's last leaf.

use std::ops::Range;

use contracts::Digest;

/// Returns the hash of a leaf: SHA-256 of `0x00` ‖ leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of(&[&[0], leaf].concat())
}

/// Returns the hash of a node: SHA-256 of `0x01` ‖ left ‖ right.
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], left.as_bytes().as_slice(), right.as_bytes()].concat())
}

/// Returns the root of a tree without leaves: SHA-256 of the empty string.
#[must_use]
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The perfect subtrees of a growing tree, from the largest to the smallest. Adding a leaf takes at most as many steps
/// as the tree is high.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Digest>,
}

impl Frontier {
    /// Returns the frontier of the tree whose last leaf, at `index`, is `leaf`. `path` is that leaf's inclusion proof.
    /// Returns `None` if the path has the wrong length.
    #[must_use]
    pub fn after(index: u64, leaf: Digest, path: &[Digest]) -> Option<Self> {
        if path.len() != index.count_ones() as usize {
            return None;
        }
        let mut frontier = Self { size: index, subtrees: path.iter().rev().copied().collect() };
        frontier.push(leaf);
        Some(frontier)
    }

    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// Returns the number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> Digest {
        fold(&self.subtrees)
    }

    /// Returns the inclusion proof that the next leaf will have in the tree that it completes: all subtrees, from the
    /// smallest to the largest.
    #[must_use]
    pub fn path_of_next(&self) -> Vec<Digest> {
        self.subtrees.iter().rev().copied().collect()
    }
}

/// Returns the hash of adjacent perfect subtrees, given from the largest to the smallest.
#[must_use]
pub fn fold(subtrees: &[Digest]) -> Digest {
    let mut hashes = subtrees.iter().rev();
    let Some(last) = hashes.next() else { return empty_root() };
    hashes.fold(*last, |right, left| node_hash(left, &right))
}

/// Returns the perfect ranges that make up a range, from left to right. The start must be divisible by the largest
/// power of two that does not exceed the length, as it is for every range in a proof.
#[must_use]
pub fn perfect_ranges(range: Range<u64>) -> Vec<Range<u64>> {
    let mut start = range.start;
    let mut ranges = Vec::new();
    while start < range.end {
        let length = 1 << (range.end - start).ilog2();
        ranges.push(start..start + length);
        start += length;
    }
    ranges
}

/// Returns the largest power of two that is smaller than `size`, which must be 2 or more.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Returns the ranges whose hashes form the inclusion proof of a leaf: `PATH(index, D[size])`.
#[must_use]
pub fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// Returns the ranges whose hashes form the consistency proof between two sizes: `PROOF(old, D[size])`. It is empty if
/// `old` is 0 or at least `size`.
#[must_use]
pub fn consistency_ranges(old: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if old == 0 || old >= size {
        return ranges;
    }
    let (mut start, mut end) = (0, size);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // If the old tree is not a perfect left subtree, the verifier also needs the hash of its last part.
    if start > 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    ranges
}

/// Returns whether an inclusion proof leads from a leaf to the root. The algorithm is that of RFC 9162, section 2.1.3.2,
/// which verifies the same proofs.
#[must_use]
pub fn is_included(leaf: Digest, index: u64, size: u64, path: &[Digest], root: &Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The size and the root of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The number of leaves.
    pub size: u64,
    /// The root.
    pub root: Digest,
}

/// Returns whether a consistency proof shows that `new` only appended leaves to `old`. The algorithm is that of RFC 9162,
/// section 2.1.4.2, which verifies the same proofs.
#[must_use]
pub fn is_consistent(old: Tree, new: Tree, proof: &[Digest]) -> bool {
    if old.size == 0 || old.size == new.size {
        let same = old.size != new.size || old.root == new.root;
        return same && proof.is_empty() && (old.size != 0 || old.root == empty_root());
    }
    if old.size > new.size {
        return false;
    }
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut hashes = proof.iter();
    // A perfect old tree is itself the first hash.
    let first = if old.size.is_power_of_two() { Some(&old.root) } else { hashes.next() };
    let Some(first) = first else { return false };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old.root && new_hash == new.root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The leaves and roots from the tests of the Certificate Transparency project, whose log RFC 6962 describes.
    const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn digest(hex: &str) -> Digest {
        hex.parse().unwrap()
    }

    fn leaves() -> Vec<Digest> {
        LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect()
    }

    /// Returns the hash of a range by the definition in RFC 6962, which splits the range recursively.
    fn range_hash(leaves: &[Digest], range: Range<u64>) -> Digest {
        match range.end - range.start {
            0 => empty_root(),
            1 => leaves[usize::try_from(range.start).unwrap()],
            length => {
                let middle = range.start + split(length);
                node_hash(&range_hash(leaves, range.start..middle), &range_hash(leaves, middle..range.end))
            }
        }
    }

    fn proof(leaves: &[Digest], ranges: Vec<Range<u64>>) -> Vec<Digest> {
        ranges.into_iter().map(|range| range_hash(leaves, range)).collect()
    }

    fn tree(leaves: &[Digest], size: u64) -> Tree {
        Tree { size, root: range_hash(leaves, 0..size) }
    }

    #[test]
    fn roots_match_published_vectors() {
        let leaves = leaves();
        let mut frontier = Frontier::default();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(range_hash(&leaves, 0..size as u64), digest(root));
            assert_eq!((frontier.root(), frontier.size()), (digest(root), size as u64));
            if let Some(leaf) = leaves.get(size) {
                let path = frontier.path_of_next();
                let after = Frontier::after(size as u64, *leaf, &path).unwrap();
                frontier.push(*leaf);
                assert_eq!(after.root(), frontier.root());
            }
        }
    }

    #[test]
    fn proofs_match_published_vectors() {
        let leaves = leaves();
        let inclusion = |index, size| proof(&leaves, inclusion_ranges(index, size));
        assert_eq!(inclusion(0, 1), []);
        let of_first = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(inclusion(0, 8), of_first.map(digest));
        let of_sixth = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(inclusion(5, 8), of_sixth.map(digest));
        let consistency = |old, size| proof(&leaves, consistency_ranges(old, size));
        assert_eq!(consistency(1, 1), []);
        assert_eq!(consistency(1, 8), of_first.map(digest));
        let from_six = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(consistency(6, 8), from_six.map(digest));
        let from_two = [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ];
        assert_eq!(consistency(2, 5), from_two.map(digest));
    }

    proptest! {
        #[test]
        fn every_proof_holds_for_its_own_trees_only(size in 1_u64..300, part in 0.0_f64..1.0, flip in 0_usize..10) {
            let leaves: Vec<Digest> = (0..size).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let index = (part * size as f64) as u64;
            let new = tree(&leaves, size);
            let path = proof(&leaves, inclusion_ranges(index, size));
            let leaf = leaves[usize::try_from(index).unwrap()];
            prop_assert!(is_included(leaf, index, size, &path, &new.root));
            prop_assert!(!is_included(leaf_hash(b"other"), index, size, &path, &new.root));
            prop_assert!(!is_included(leaf, size, size, &path, &new.root));

            let old = tree(&leaves, index + 1);
            let consistency = proof(&leaves, consistency_ranges(old.size, size));
            prop_assert!(is_consistent(old, new, &consistency));
            let forked = Tree { root: leaf_hash(b"fork"), ..old };
            prop_assert!(!is_consistent(forked, new, &consistency));
            prop_assert!(old.size == size || !is_consistent(new, old, &consistency), "shortened");
            if let Some(at) = flip.checked_rem(consistency.len()) {
                let mut changed = consistency;
                changed[at] = leaf_hash(b"changed");
                prop_assert!(!is_consistent(old, new, &changed));
            }
        }

        #[test]
        fn perfect_ranges_fold_to_the_hash_of_their_range(size in 1_u64..300, old in 1_u64..300) {
            let leaves: Vec<Digest> = (0..size).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
            for range in inclusion_ranges(0, size).into_iter().chain(consistency_ranges(old.min(size), size)) {
                let parts: Vec<Digest> = proof(&leaves, perfect_ranges(range.clone()));
                prop_assert_eq!(fold(&parts), range_hash(&leaves, range));
            }
        }
    }
}
