Feature: Cuts of power at every durable write
  Each sweep plays the last steps again in worlds of their own, one for each moment of each durable write and one for
  the end. Whatever was cut, the device starts with its self test passed, and it holds the whole deed or nothing of it.

  Rule: At the console

    @LF-06 @OP-10
    Scenario Outline: The first activation of a <model> binds it or leaves it fresh
      Given a <model> HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
      When somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      And the power is cut at every write of the last 3 steps
      Then there were at least 3 cuts

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @LF-06
    Scenario: An activation and an unlocked console write nothing
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      When somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      And the power is cut at every write of the last 2 steps
      Then there were at least 1 cuts
      When somebody chooses "Lock Console" in the menu
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Carla with the card in the local reader
      And the power is cut at every write of the last 3 steps
      Then there were at least 2 cuts

    @LF-06 @RM-13
    Scenario: Remote management is enabled or not
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Remote Management" in the menu
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts

    @LF-06 @RM-13 @RM-21
    Scenario: Remote management is disabled or not
      Given an HSM ready for remote management
      When Ana connects
      And somebody presses Esc
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts

    @LF-06 @OP-10
    Scenario: The power button
      Given an HSM ready for remote management
      When somebody presses the power button
      And somebody presses the power button
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts

    @LF-06 @OP-10 @LF-05
    Scenario: The reset that another set is offered
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And Davi and Eva hold the whole of a 2-of-2 set of another key
      When somebody types the PIN of Davi with the card in the local reader
      And somebody types the PIN of Eva with the card in the local reader
      And somebody answers Yes
      And the power is cut at every write of the last 1 step
      Then there were at least 5 cuts

  Rule: The administrator

    @LF-06 @OP-10
    Scenario Outline: An operation is done or not begun: <operation>
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Carla logs in as "master" with the password "wrong"
      And Bruno asks the HSM to <operation>
      And the power is cut at every write of the last 1 step
      Then there were at least <cuts> cuts

      Examples:
        | operation                 | cuts |
        | stop the service          | 1    |
        | restart                   | 5    |
        | switch off                | 3    |
        | unlock the user master    | 3    |
        | return to factory mode    | 5    |
        | change the operating mode | 5    |

    @LF-06 @OP-10
    Scenario: A started service, as a stopped one, is nothing durable
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to stop the service
      And Bruno asks the HSM to start the service
      And the power is cut at every write of the last 1 step
      Then there were at least 1 cuts

  Rule: Users

    @LF-06
    Scenario: A user is created, changed, unblocked and removed, or is not
      Given an HSM ready for remote management
      When Ana logs in as "master" with the password "12345678"
      And Ana creates the user "reader" with the password "read all of it" and the permissions 32
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts
      When Ana, a user, changes the password from "12345678" to "another one"
      And the power is cut at every write of the last 1 step
      Then there were at least 6 cuts
      When Bruno logs in as "reader" with the password "wrong"
      And the power is cut at every write of the last 1 step
      Then there were at least 9 cuts
      When Ana unblocks the user "reader"
      And the power is cut at every write of the last 1 step
      Then there were at least 12 cuts
      When Ana removes the user "reader"
      And the power is cut at every write of the last 1 step
      Then there were at least 15 cuts

    @LF-06 @OP-04
    Scenario: The try that blocks master is counted or not
      Given an HSM ready for remote management
      When Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And Carla logs in as "master" with the password "wrong"
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts
      And the log says "user master blocked" 1 time

  Rule: The owner of a Pocket

    Background:
      Given a Pocket HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
      When Ana connects
      And Ana gives the activation password "correct horse"

    @LF-06 @OP-10 @PK-02
    Scenario: The first password
      When the power is cut at every write of the last 1 step
      Then there were at least 3 cuts

    @LF-06 @OP-10 @PK-03
    Scenario: Another password, a wrong one and a right one
      When Ana changes the activation password from "correct horse" to "battery staple"
      And the power is cut at every write of the last 1 step
      Then there were at least 5 cuts
      When Ana hangs up
      And Bruno connects
      And Bruno gives the activation password "wrong pass 1"
      And the power is cut at every write of the last 1 step
      Then there were at least 8 cuts
      When Bruno gives the activation password "battery staple"
      And the power is cut at every write of the last 1 step
      Then there were at least 13 cuts

    @LF-06 @OP-10 @NW-03
    Scenario: The network settings
      When Ana sets the network to:
        """
        {"interfaces": [{"name": "Interface 1", "ip": "192.0.2.99"}], "gateway": null}
        """
      And the power is cut at every write of the last 1 step
      Then there were at least 3 cuts

    @LF-06 @OP-10 @PK-04
    Scenario Outline: The owner asks to <operation>
      When Ana asks the HSM to <operation>
      And the power is cut at every write of the last 1 step
      Then there were at least <cuts> cuts

      Examples:
        | operation                 | cuts |
        | stop the service          | 1    |
        | restart                   | 5    |
        | switch off                | 3    |
        | unlock the user master    | 3    |
        | return to factory mode    | 5    |
        | change the operating mode | 5    |
