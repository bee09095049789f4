Feature: Enabling and disabling remote management
  Only somebody at the console enables it. Esc and any other local activity disable it; a remote restart does not.

  Rule: Off until it is enabled at the console

    @RM-01
    Scenario: Not activated and not enabled: the port is closed
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      Then port 4433 is closed
      When Ana connects
      Then Ana finds nothing listening

    @RM-01
    Scenario Outline: A <model> that is activated and not enabled denies
      Given a <model> HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      Then port 4433 is open
      When Ana connects
      Then Ana is denied with not_armed
      And the log says "manager denied from 203.0.113.1" 1 time

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @RM-01
    Scenario: Also while the service is stopped
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Stop Service" in the menu
      Then the console shows "Service stopped"
      When Ana connects
      Then Ana is denied with not_armed

    @RM-16 @RM-02
    Scenario: By Remote Management in the main menu
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Remote Management" in the menu
      Then the console shows "RM (press ESC to exit)"
      And the console shows "ready to process remote commands"
      When Ana connects
      Then Ana is the manager

    @RM-16 @RM-02
    Scenario: By Load Remote Management in Configuration
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Configuration" in the menu
      And somebody chooses "Load Remote Management" in the menu
      Then the console shows "RM (press ESC to exit)"
      And the console shows "ready to process remote commands"

    @RM-16
    Scenario Outline: <entry> does not enable it
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "<entry>" in the menu
      And Ana connects
      Then Ana is denied with not_armed

      Examples:
        | entry         |
        | About         |
        | Stop Service  |
        | Monitor       |
        | Configuration |
        | Partition     |
        | Self Test     |
        | Lock Console  |
        | Power Off     |

    @RM-01 @RM-16
    Scenario: It is in force once it is durable
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      And the disk takes 3 s for a write
      When somebody chooses "Remote Management" in the menu
      And 2.999 s pass
      And Ana connects
      Then Ana is denied with not_armed
      When 1 ms passes
      And Ana connects
      Then Ana is the manager

  Rule: What the console shows

    @LC-04
    Scenario: The main menu
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      Then the console shows exactly:
        """
                                Dinamo - Local Management Console






                                 ┌──────────┤ Main ├──────────┐
                                 │    About                   │
                                 │    Stop Service            │
                                 │    Monitor              ▸  │
                                 │    Remote Management       │
                                 │    Configuration        ▸  │
                                 │    Partition            ▸  │
                                 │    Self Test               │
                                 │    Lock Console            │
                                 │    Power Off            ▸  │
                                 └────────────────────────────┘






          Service running...                                Replication Domain: <none>
        """

    @RM-02 @LC-04
    Scenario: Nobody is connected
      Given an HSM ready for remote management
      Then the console shows exactly:
        """
                                Dinamo - Local Management Console






                        ┌─────────┤ RM (press ESC to exit) ├──────────┐
                        │                                             │
                        │                                             │
                        │                                             │
                        │      ready to process remote commands       │
                        │                                             │
                        │                                             │
                        │                                             │
                        └─────────────────────────────────────────────┘








          Service running...                                Replication Domain: <none>
        """

    @RM-09 @RM-04 @LC-04
    Scenario: A manager is connected
      Given an HSM ready for remote management
      When Ana connects from 172.17.0.1
      Then the console shows exactly:
        """
                                Dinamo - Local Management Console






                        ┌─────────┤ RM (press ESC to exit) ├──────────┐
                        │                                             │
                        │                                             │
                        │                                             │
                        │       active manager: 172.17.0.1            │
                        │                                             │
                        │           TLS13_AES_256_GCM_SHA384          │
                        │                                             │
                        └─────────────────────────────────────────────┘








          Service running...                                Replication Domain: <none>
        """

    @sim-only @RM-09
    Scenario: An IPv6 manager has a row of its own
      Simulation only: loopback has one IPv6 address, and everybody has another

      Given an HSM ready for remote management
      When Ana connects from 2001:db8::17
      Then the console shows "2001:db8::17"
      And the console shows "active manager: "

    @RM-08 @RM-09
    Scenario: The manager leaves
      Given an HSM ready for remote management
      When Ana connects
      And Ana hangs up
      Then the console shows "ready to process remote commands"
      And the console does not show "active manager"

  Rule: Esc disables it

    @RM-03
    Scenario: A manager is told disarmed
      Given an HSM ready for remote management
      When Ana connects
      And somebody presses Esc
      Then the session of Ana has ended with disarmed
      And the console shows "Main"
      When Bruno connects
      Then Bruno is denied with not_armed

    @RM-03 @AU-18
    Scenario: A process under way is reset
      Given an HSM ready for remote management
      When Ana connects and authenticates
      And somebody presses Esc
      Then Ana is told that the process was reset by disarmed
      And the session of Ana has ended with disarmed
      When somebody chooses "Remote Management" in the menu
      And Bruno connects
      Then Bruno is told on arrival that no process is under way

    @RM-03
    Scenario: Esc while nobody is connected
      Given an HSM ready for remote management
      When somebody presses Esc
      Then the console shows "Main"
      And the log says "remote management disabled by Esc" 1 time

  Rule: What survives a restart

    @RM-11 @AU-15 @LF-07 @OP-02
    Scenario: After a remote restart it is enabled without local action, and the HSM waits for its custodians
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to restart
      Then the session of Bruno has ended with restart
      And nobody is the administrator
      When the HSM has started
      Then the console shows "ready to process remote commands"
      And the HSM is not activated
      When Carla connects, authenticates and hangs up
      And Ana connects and authenticates
      Then Ana is the administrator
      And Ana is told that this has activated the HSM
      And the HSM is activated

    @RM-11 @OP-03
    Scenario: After a remote switch-off it is enabled when the HSM is switched on
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to switch off
      Then the session of Bruno has ended with power_off
      When 10 s pass
      Then the HSM is off
      When Bruno connects
      Then Bruno finds nothing listening
      When 1 hour passes
      And somebody presses the power button
      And the HSM has started
      Then the console shows "ready to process remote commands"
      When Bruno connects
      Then Bruno is the manager

    @RM-17
    Scenario: Switching on is not local activity
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to switch off
      And 10 s pass
      And somebody presses the power button
      And the HSM has started
      Then the console shows "RM (press ESC to exit)"

    @RM-12
    Scenario Outline: A local <what> after an accepted remote restart still disables it
      Given an HSM ready for remote management
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to restart
      And 1 s passes
      And somebody <hand>
      And the HSM has started
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed

      Examples:
        | what   | hand                              |
        | key    | presses a letter                  |
        | card   | puts a card into the local reader |
        | button | presses the power button          |

    @RM-12
    Scenario Outline: After a local <what> it is not enabled
      Given an HSM ready for remote management
      When somebody presses Esc
      And somebody chooses "Power Off" in the menu
      And somebody chooses "<what>" in the menu
      And 30 s pass
      And <next>
      And 30 s pass
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed

      Examples:
        | what      | next                                              |
        | Restart   | the HSM has started                               |
        | Power Off | somebody presses the power button                 |

    @RM-12
    Scenario: Nothing chosen after an accepted local restart enables it
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      And the disk takes 3 s for a write
      When somebody chooses "Power Off" in the menu
      And somebody chooses "Restart" in the menu
      And somebody presses Esc
      And somebody presses the key Down
      And somebody presses the key Down
      And somebody presses the key Down
      And somebody presses Enter
      And 60 s pass
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed
      And the log does not say "remote management enabled"

    @RM-13
    Scenario: After a power cut it is enabled if it was
      Given an HSM ready for remote management
      When the power is cut
      And 5 s pass
      And the power returns
      And the HSM has started
      Then the console shows "ready to process remote commands"
      And the HSM is not activated
      When Ana connects
      Then Ana is the manager

    @RM-13 @RM-01
    Scenario: After a power cut it is not enabled if it was not
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When the power is cut
      And the power returns
      And the HSM has started
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed
