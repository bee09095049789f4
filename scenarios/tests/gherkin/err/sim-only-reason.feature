@sim-only
Feature: A tag without its reason

  @sim-only
  Rule: one that nobody can read
    Simulation only:

    Scenario: a reason without its tag
      Simulation only: nobody sees the tag
      Given x

    @sim-only
    Scenario: two reasons
      Simulation only: the first
      Simulation only: the second
      Given x

    @sim-only
    Scenario: other prose stays refused
      Simulation only: it is prose
      and this is not
      Given x

    Scenario Outline: examples have no place for a reason
      Given <x>
      @sim-only
      Examples:
        | x |
        | 1 |
