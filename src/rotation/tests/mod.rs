mod bench;
mod ends;
mod interleavings;
mod lease;
mod queue;
mod random;
mod rules;
mod world;
