Feature: A crowd
  In which order the newcomers of one instant are served is the business of the network, so no two lanes log the same.

  @RM-05 @RM-06
  Scenario: A thousand newcomers at once are all turned away, and the next manager gets in
    Given an HSM ready for remote management
    When Ana connects
    And 1000 newcomers of every manner connect at once
    Then every newcomer is denied with busy, or turned away
    And Ana is the manager
    And the HSM holds at most 81 connections
    When Ana hangs up
    And Bruno connects
    Then Bruno is the manager
