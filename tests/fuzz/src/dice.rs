//! Choices, read from a recipe.

/// A recipe that is being read. At its end it says 0 for ever, which is the plainest choice.
pub struct Dice<'r> {
    recipe: &'r [u8],
}

impl<'r> Dice<'r> {
    pub fn new(recipe: &'r [u8]) -> Self {
        Self { recipe }
    }

    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.recipe.split_first() else {
            return 0;
        };
        self.recipe = rest;
        first
    }

    /// A number below `sides`; 0 if that is 0.
    pub fn below(&mut self, sides: usize) -> usize {
        let roll = if sides <= 256 {
            usize::from(self.byte())
        } else {
            usize::from(self.byte()) << 8 | usize::from(self.byte())
        };
        roll.checked_rem(sides).unwrap_or_default()
    }

    /// True in one of `times` cases, and at the end of the recipe never.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}
