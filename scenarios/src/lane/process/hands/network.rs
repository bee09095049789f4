//! Hands on the cables between the device and whoever calls it: slow ones, chopped ones, cut ones.

use sim::Split;

use super::{
    super::{cable::Cable, stage::Stage, stage::broken},
    Hands,
};
use crate::{lane::Mismatch, steps::Args};

pub(super) const HANDS: Hands = &[
    ("every message takes {duration} on its way", |stage, args| {
        stage.laid()?.settings.delay = *args.duration(0);
        Ok(())
    }),
    ("every message arrives byte by byte", |stage, _| {
        stage.laid()?.settings.split = Split::EveryByte;
        Ok(())
    }),
    ("every message arrives in pieces of any size", |stage, _| {
        let seed = stage.seed();
        stage.laid()?.settings.split = Split::Seeded(seed);
        Ok(())
    }),
    ("the cable of {person} is cut", |stage, args| {
        cable_of(stage, args)?.cut();
        Ok(())
    }),
    ("{person} reads nothing any more", |stage, args| {
        cable_of(stage, args)?.hold(true);
        Ok(())
    }),
    ("{person} reads again", |stage, args| {
        cable_of(stage, args)?.hold(false);
        Ok(())
    }),
    ("the newcomer reads nothing any more", |stage, _| {
        cable_of_newcomer(stage)?.hold(true);
        Ok(())
    }),
    ("the newcomer reads again", |stage, _| {
        cable_of_newcomer(stage)?.hold(false);
        Ok(())
    }),
];

fn cable_of<'s>(stage: &'s mut Stage<'_>, args: &Args) -> Result<&'s mut Cable, Mismatch> {
    let local = stage.person(args.person(0)).local;
    stage
        .cable(local)
        .ok_or_else(|| broken("somebody who is connected"))
}

fn cable_of_newcomer<'s>(stage: &'s mut Stage<'_>) -> Result<&'s mut Cable, Mismatch> {
    let local = stage.newcomer()?.local;
    stage
        .cable(local)
        .ok_or_else(|| broken("a newcomer who is connected"))
}
