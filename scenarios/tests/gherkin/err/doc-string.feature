Feature: f
  Scenario: s
    Given x
      """text"""
    Then swallowed
      """ rest
    Then read
