Feature: f
  Scenario: s
    Given Ã©ÿ x
