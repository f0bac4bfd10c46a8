mod bench;
mod ends;
mod hold;
mod queue;
mod random;
mod rules;
