Feature: The transcript that the protocol page shows

  @AU-02 @AU-04 @AU-05 @OP-02
  Scenario: Two custodians at two stations, and a restart
    Given an HSM ready for remote management
    When Ana connects
    And Ana starts to authenticate
    And Ana inserts the card
    And 8 s pass
    And Ana types the right PIN
    Then Ana is intermediary custodian 1 of 2
    When Ana hangs up
    And 20 s pass
    And Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    And 6 s pass
    And Bruno types the right PIN
    Then Bruno is the administrator
    When Bruno asks the HSM to restart
    Then the session of Bruno has ended with restart
