//! Sets of images, as bits.

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bits(Box<[u64]>);

const WIDTH: usize = 64;

impl Bits {
    /// The empty set, with room for numbers below `size`.
    #[must_use]
    pub fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(WIDTH)].into_boxed_slice())
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / WIDTH) {
            *word |= 1 << (number % WIDTH);
        }
    }

    /// Whether a number is in.
    #[must_use]
    pub fn contains(&self, number: usize) -> bool {
        self.0.get(number / WIDTH).is_some_and(|word| word & (1 << (number % WIDTH)) != 0)
    }

    /// Puts in all that is in `other`.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&*other.0).for_each(|(word, other)| *word |= other);
    }

    /// Takes out all that is in `other`.
    pub fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&*other.0).for_each(|(word, other)| *word &= !other);
    }

    /// Takes out all that is not in `other`.
    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&*other.0).for_each(|(word, other)| *word &= other);
    }

    /// Whether nothing is in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many numbers are in.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * WIDTH).filter(|&number| self.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_any_size_add_up() {
        let of = |numbers: &[usize]| {
            let mut bits = Bits::none(130);
            for number in numbers {
                bits.insert(*number);
            }
            bits
        };
        let mut bits = of(&[0, 63, 64, 129]);
        assert_eq!((bits.iter().collect::<Vec<_>>(), bits.count()), (vec![0, 63, 64, 129], 4));
        bits.remove(&of(&[63, 1]));
        bits.add(&of(&[5]));
        bits.keep(&of(&[5, 64, 7]));
        assert_eq!(bits, of(&[5, 64]));
        assert!(!bits.is_empty() && Bits::none(130).is_empty() && !bits.contains(1000));
    }
}
