Ability: minimal
Scenario: s
Given x