@sim-only
Feature: What only the simulation can play
  Simulation only: everything here

  has a reason.

  Scenario: said above
    Given x

  @sim-only
  Scenario: said below
    # Somebody's note.

    Simulation only: its own reason: with a colon  

    # Another.
    Given x

  @sim-only
  Rule: And a rule
    Simulation only: that of the rule
    Scenario: said by the rule
      Given x
    @sim-only
    Scenario Outline: <x>
      Simulation only: an outline is not asked row by row
      Given <x>
      Examples:
        | x |
        | 1 |
