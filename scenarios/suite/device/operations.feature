Feature: Operations after authentication
  What the administrator and somebody at the console can do to a device, and what is refused.

  Rule: The administrator

    Background:
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates

    @OP-01
    Scenario: The service is stopped and started
      When Bruno asks the HSM to stop the service
      Then the console shows "Service stopped"
      When Bruno asks the HSM to start the service
      Then the console shows "Service running..."

    @OP-01
    Scenario: Users are put out with the service
      When Carla logs in as "master" with the password "12345678"
      Then Carla, a user, is told "logged in"
      When Bruno asks the HSM to stop the service
      Then Carla, a user, is told "logged out"
      When Carla logs in as "master" with the password "12345678"
      Then Carla, a user, is told "service_not_started"

    @OP-04
    Scenario: The seventh wrong password blocks master, and the administrator unlocks
      When Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      Then the log does not say "user master blocked"
      When Carla logs in as "master" with the password "wrong"
      Then the log says "user master blocked" 1 time
      When Carla logs in as "master" with the password "12345678"
      Then Carla, a user, is told "user_blocked"
      When Bruno asks the HSM to unlock the user master
      And Carla logs in as "master" with the password "12345678"
      Then Carla, a user, is told "logged in"
      And the log says "operation done: unlock master" 1 time

    @OP-06 @OP-09 @OP-11
    Scenario: Return to factory mode
      When Bruno asks the HSM to return to factory mode, confirmed as "TXP0000002"
      Then Bruno is refused with confirmation_mismatch
      When Bruno asks the HSM to return to factory mode
      Then the session of Bruno has ended with factory_reset
      When the HSM has started
      Then the console shows "This is a fresh/first time HSM boot."
      And port 4433 is closed
      And the log says "operation done: factory reset" 1 time
      And the log says "database erased" 1 time
      And the log says "device started after return to factory mode" 1 time

    @OP-07 @OP-09
    Scenario: Another operating mode
      When Bruno asks the HSM to change the operating mode, confirmed as "rm1"
      Then Bruno is refused with confirmation_mismatch
      When Bruno asks the HSM to change the operating mode
      Then the session of Bruno has ended with mode_changed
      When the HSM has started
      Then the console shows "This is a fresh/first time HSM boot."
      When somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      And somebody chooses "Remote Management" in the menu
      And Carla connects
      Then Carla sees "mode" in the header as "RM1"
      When Carla authenticates
      And Carla authenticates with the card of Ana
      And Carla asks the HSM to change the operating mode
      Then Carla is refused with wrong_state

    @OP-08
    Scenario: There is no node to synchronize with
      When Bruno asks the HSM to synchronize, confirmed as "another"
      Then Bruno is refused with sync_undefined
      When Bruno asks the HSM to stop the service
      And Bruno asks the HSM to synchronize
      Then Bruno is refused with service_not_started

    @OP-11
    Scenario: A key after an accepted reset disables nothing that is not disabled anyway
      Given the disk takes 1 s for a write
      When Bruno asks the HSM to return to factory mode
      And somebody presses Enter
      And 60 s pass
      Then the log says "operation done: factory reset" 1 time
      And the console shows "This is a fresh/first time HSM boot."

  Rule: Without access

    @OP-08 @OP-09
    Scenario Outline: Nobody but the administrator may <operation>
      Given a <model> HSM ready for remote management
      When Ana connects
      And Ana asks the HSM to <operation>
      Then Ana is refused with not_authenticated

      Examples:
        | model | operation                    |
        | CD    | unlock the user master       |
        | XP    | synchronize                  |
        | ST    | return to factory mode       |
        | XP    | change the operating mode |

  Rule: At the console

    @OP-06 @OP-09
    Scenario: Database Reset asks for the serial number
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Configuration" in the menu
      And somebody chooses "Database Reset" in the menu
      Then the console shows "Type the serial number of this HSM to confirm:"
      When somebody types "TXP0000002"
      And somebody presses Enter
      Then the console shows "the serial number typed to confirm is another"
      When somebody presses Enter
      And somebody chooses "Configuration" in the menu
      And somebody chooses "Database Reset" in the menu
      And somebody types "TXP0000001"
      And somebody presses Enter
      And the HSM has started
      Then the console shows "This is a fresh/first time HSM boot."
      And the log says "operation accepted at the console: factory reset" 1 time

    @OP-04
    Scenario: Unblock Master
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Configuration" in the menu
      And somebody chooses "Unblock Master" in the menu
      Then the console shows "The user master is unlocked."
      And the log says "user master unblocked" 1 time
