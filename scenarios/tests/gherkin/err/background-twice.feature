Feature: f
  Background:
    Given x
  Background: again
    Given y
  Rule: r
    Scenario: s
      Given x
    Background:
      Given x
