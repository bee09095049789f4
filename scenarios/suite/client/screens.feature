Feature: The screens of a station
  A custodian works with the client's console: keys and clicks on one side, what stands on the screen on the other. Between
  them are the client's own machines and TLS.

  Background:
    Given an HSM that waits for its custodians

  @CL-01 @HD-01
  Scenario: Tabs, actions and the header at the top right
    When Ana starts the console
    Then the station of Ana shows "Start screen"
    When Ana presses Enter at the station
    Then Ana is the manager
    And the station of Ana shows "1 Remote HSM management"
    And the station of Ana shows "2 Network settings"
    And the station of Ana shows "3 Information about HSM"
    And the station of Ana shows "4 Open Console HTTP"
    And the station of Ana shows "S Start screen"
    And the station of Ana shows "X Exit"
    And the top right of the station of Ana shows "Service  stopped"
    And the top right of the station of Ana shows "Model    XP"
    And the top right of the station of Ana shows "Serial   TXP0000001"
    And the top right of the station of Ana shows "Firmware 5.0.22.0"
    And the top right of the station of Ana shows "Address  192.0.2.10"
    And the top right of the station of Ana shows "Mode     NRM"
    And Ana has sent 0 lines

  @CL-01 @NW-01 @NW-02 @IN-01
  Scenario: A tab is opened by its number or a click, and reads what it shows
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses `2` at the station
    Then the station of Ana shows "Gateway             192.0.2.1"
    And the station of Ana does not show "[ Change ]"
    And Ana has sent 1 line
    When Ana clicks on "3 Information about HSM"
    Then the station of Ana shows "Replication domain"
    And the station of Ana shows "Tampered"
    And Ana has sent 2 lines
    When Ana clicks on "[ Read again ]"
    Then Ana has sent 3 lines

  @CL-01 @HD-02 @RM-05
  Scenario: The header follows the HSM by itself
    When Ana starts the console
    And Ana presses Enter at the station
    And Bruno connects
    Then Bruno is denied with busy
    When Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "12345678" at the station
    And Bruno connects and authenticates
    Then Bruno is the administrator
    When Carla starts the console
    And Bruno hangs up
    And Carla presses Enter at the station
    Then the top right of the station of Carla shows "Service  running"
    And Carla has sent 0 lines

  @CL-01 @AU-12
  Scenario: Back to the start screen ends the session, and so does Exit
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    Then Bruno is the administrator
    When Bruno presses Enter at the station
    And Bruno presses `s` at the station
    Then the session of Bruno is closed
    And nobody is the administrator
    And the station of Bruno shows "You have left. The session is closed."
    When Carla connects
    Then Carla is the manager
    When Carla hangs up
    And Bruno presses Enter at the station
    Then Bruno is the manager
    When Bruno clicks on "X Exit"
    Then the session of Bruno is closed
    And the console of Bruno has ended

  @CL-01 @RM-05
  Scenario: Who is denied is told why
    When Ana connects
    And Bruno starts the console
    And Bruno presses Enter at the station
    Then Bruno is denied with busy
    And the station of Bruno shows "`busy`"
    And the station of Bruno shows "[ Connect ]"

  @RM-07 @CL-05 @HD-02
  Scenario: A station left alone sends nothing, and is ended at two minutes
    When Ana starts the console
    And Ana presses Enter at the station
    And 119.999 s pass
    Then Ana is the manager
    And Ana has sent 0 lines
    When 1 ms passes
    Then the session of Ana has ended with inactivity
    And the station of Ana shows "`inactivity`"
    When 8 minutes pass
    Then Ana has sent 0 lines
    And the station of Ana shows "`inactivity`"
    And the station of Ana shows "[ Connect ]"

  @RM-07 @CL-05 @AU-05
  Scenario: An administrator who does nothing is ended, too
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    Then Bruno is the administrator
    When 119.999 s pass
    Then Bruno is the administrator
    When 1 ms passes
    Then the session of Bruno has ended with inactivity
    And nobody is the administrator

  @RM-10 @CL-01
  Scenario: Somebody at the HSM itself
    When Ana starts the console
    And Ana presses Enter at the station
    And somebody presses Enter
    Then the session of Ana has ended with preempted
    And the station of Ana shows "`preempted`"
    When Ana presses Enter at the station
    Then Ana finds nothing listening
    And the station of Ana shows "Connection refused"

  @CL-06
  Scenario: Another fingerprint ends the attempt before the first line
    Given the station of Ana knows another fingerprint
    When Ana starts the console
    And Ana presses Enter at the station
    Then the station of Ana shows "This is not the trusted device. Nothing was sent to it."
    And the station of Ana shows "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
    And the station of Ana shows "`hsm-client trust --forget`"
    And Ana has sent 0 lines
    When Ana presses Enter at the station
    Then the station of Ana shows "This is not the trusted device. Nothing was sent to it."
    And Ana has sent 0 lines
    When Bruno connects
    Then Bruno is the manager
