Feature: f
  Scenario: s
    Given x
	日本 ‮[31mred prose
