//! Changes to texts or bytes, without regard to their meaning.

use rand::Rng as _;
use rand::rngs::StdRng;

/// Repeats, removes or swaps words of a document.
pub fn shuffle(query: &str, random: &mut StdRng) -> String {
    let mut words: Vec<&str> = query.split_inclusive([' ', '(', ')', '{', '}', ':', ',']).collect();
    for _ in 0..random.gen_range(1..4) {
        if words.is_empty() {
            break;
        }
        let (one, other) = (random.gen_range(0..words.len()), random.gen_range(0..words.len()));
        match random.gen_range(0..4) {
            0 => drop(words.remove(one)),
            1 => words.insert(other, words[one]),
            2 => words.swap(one, other),
            _ => {
                let many = vec![words[one]; random.gen_range(1..200)];
                words.splice(other..other, many);
            }
        }
    }
    words.concat()
}

/// Changes, adds, removes or repeats bytes.
pub fn disturb(bytes: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.gen_range(1..6) {
        if bytes.is_empty() {
            return;
        }
        let place = random.gen_range(0..bytes.len());
        match random.gen_range(0..6) {
            0 => bytes[place] ^= 1 << random.gen_range(0..8),
            1 => bytes[place] = random.r#gen(),
            2 => bytes.insert(place, random.r#gen()),
            3 => drop(bytes.remove(place)),
            4 => bytes.truncate(place),
            _ => {
                let end = (place + random.gen_range(1..50)).min(bytes.len());
                let part = bytes[place..end].to_vec();
                bytes.splice(place..place, part);
            }
        }
    }
}
