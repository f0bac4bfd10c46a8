mod bench;
mod ends;
mod hold;
mod interleavings;
mod queue;
mod random;
mod rules;
mod world;
