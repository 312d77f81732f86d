"""Merkle proofs agree with the definition of RFC 6962 and with the vectors that its implementations share."""

import pytest

from planloom.records import merkle

# The leaves and roots of the certificate transparency test suite.
LEAVES = [
    bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [merkle.leaf_hash(bytes([i])) for i in range(40)]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_that_every_implementation_has(size):
    assert merkle.tree_hash(LEAVES[:size]).hex() == ROOTS[size - 1]


def by_definition(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return merkle.node_hash(by_definition(hashes[:k]), by_definition(hashes[k:]))


def test_roots_follow_the_recursive_definition():
    for size in range(1, len(HASHES) + 1):
        assert merkle.root_of(HASHES[:size]) == by_definition(HASHES[:size])


def test_every_leaf_of_every_tree_has_a_proof_that_fits_nothing_else():
    for size in range(1, 20):
        root = merkle.root_of(HASHES[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(HASHES[:size], index)
            fitting = [(i, s) for s in range(21) for i in range(21) if merkle.includes(HASHES[index], i, s, proof, root)]
            assert (index, size) in fitting
            assert all(i == index for i, s in fitting if s == size)
            assert not merkle.includes(HASHES[(index + 1) % size] if size > 1 else HASHES[30], index, size, proof, root)
            assert not merkle.includes(HASHES[index], index, size, (*proof, HASHES[0]), root)
            assert not proof or not merkle.includes(HASHES[index], index, size, proof[:-1], root)


def test_every_older_tree_is_shown_to_be_a_prefix_and_no_other_is():
    other = [merkle.leaf_hash(b"other"), *HASHES[1:]]
    for size in range(1, 20):
        root = merkle.root_of(HASHES[:size])
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(HASHES[:size], old)
            assert merkle.is_consistent(old, merkle.root_of(HASHES[:old]), size, root, proof)
            assert not merkle.is_consistent(old, merkle.root_of(other[:old]), size, root, proof)
            assert not merkle.is_consistent(old, merkle.root_of(HASHES[:old]), size, merkle.root_of(other[:size]), proof)


@pytest.mark.parametrize(("size", "index"), [(0, 0), (3, 3), (3, -1)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(size, index):
    with pytest.raises(IndexError):
        merkle.inclusion_proof(HASHES[:size], index)


@pytest.mark.parametrize(("size", "old"), [(3, 4), (3, 0), (0, 0)])
def test_there_is_no_proof_from_a_tree_that_is_not_older(size, old):
    with pytest.raises(IndexError):
        merkle.consistency_proof(HASHES[:size], old)
