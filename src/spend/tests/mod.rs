mod bench;
mod queue;
mod random;
mod rules;
