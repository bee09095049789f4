Feature: The life cycle of a device
  From the factory to the first set, from power-on to the menus, and what a set of another key may do.

  Rule: Out of the factory

    @LF-01
    Scenario Outline: A <model> out of the factory asks the question of the first boot
      Given a <model> HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
      Then the console shows "This is a fresh/first time HSM boot."
      And the console shows "Do you want to load smart card manager?"
      And port 4433 is closed
      When somebody answers Yes
      Then the console shows "Smart Card"
      And the console shows "Create Server Master Key"
      When somebody presses Esc
      Then the console shows "This is a fresh/first time HSM boot."
      When somebody answers No
      Then the console shows "Please, enter start PIN"

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @LF-02 @LF-08
    Scenario Outline: Any valid set activates a <model> and binds it
      Given a <model> HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
      When somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      Then the console shows "Please, enter next start PIN"
      And the HSM is not activated
      When somebody types the PIN of Bruno with the card in the local reader
      Then the HSM is activated
      And the console shows "Service running..."
      And the console shows "Main"
      And the log says "device bound to a Server Master Key" 1 time
      When the power is cut
      And the power returns
      And the HSM has started
      Then the console shows "Please, enter start PIN"

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @LF-02 @LF-05
    Scenario: The first set is the only one from then on
      Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
      When somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      And the power is cut
      And the power returns
      And the HSM has started
      And somebody types the PIN of Carla with the card in the local reader
      Then the HSM is not activated
      When somebody types the PIN of Ana with the card in the local reader
      Then the HSM is activated

  Rule: Activation at the console

    @LF-03
    Scenario Outline: A <model> asks for M cards, and nothing is there before
      Given a <model> HSM with a 3-of-4 set of cards held by Ana, Bruno, Carla and Davi
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed
      When somebody types the PIN of Davi with the card in the local reader
      And somebody types the PIN of Ana with the card in the local reader
      Then the console shows "Please, enter next start PIN"
      And port 4433 is closed
      And the console shows "Service stopped"
      When somebody types the PIN of Carla with the card in the local reader
      Then the console shows "Main"
      And port 4433 is open
      And the HSM is activated

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @LF-03
    Scenario: The same card does not count twice
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      When somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Ana with the card in the local reader
      Then the HSM is not activated
      And the log says "refused, card_already_presented" 1 time

    @LF-05
    Scenario Outline: A whole set of another key offers a <model> the reset, and No changes nothing
      Given a <model> HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And Davi and Eva hold the whole of a 2-of-2 set of another key
      When somebody types the PIN of Davi with the card in the local reader
      Then the console shows "Please, enter next start PIN"
      When somebody types the PIN of Ana with the card in the local reader
      Then the log says "refused, card_wrong_set" 1 time
      When somebody presses Enter
      And somebody types the PIN of Eva with the card in the local reader
      Then the console shows "Do you want to reset the database now?"
      And the HSM is not activated
      When somebody answers No
      Then the console shows "Please, enter start PIN"
      And the log does not say "database erased"
      When somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      Then the HSM is activated

      Examples:
        | model |
        | CD    |
        | XP    |
        | ST    |

    @LF-05 @LF-02
    Scenario: Yes resets, and the other set activates from then on
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And Davi and Eva hold the whole of a 2-of-2 set of another key
      When somebody types the PIN of Davi with the card in the local reader
      And somebody types the PIN of Eva with the card in the local reader
      And somebody answers Yes
      And the HSM has started
      Then the console shows "This is a fresh/first time HSM boot."
      And the log says "database erased" 1 time
      When somebody answers No
      And somebody types the PIN of Davi with the card in the local reader
      And somebody types the PIN of Eva with the card in the local reader
      Then the HSM is activated

    @LF-05
    Scenario: It is never offered remotely
      Given an HSM that waits for its custodians
      And Davi and Eva hold the whole of a 2-of-2 set of another key
      When Davi connects and authenticates
      Then Davi is refused with card_wrong_set

    @LF-04
    Scenario: The key is gone after power-off
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When the power is cut
      And the power returns
      And the HSM has started
      Then the HSM is not activated
      And nothing that was kept holds a secret

    @LC-05
    Scenario: A locked console needs the set again
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      When somebody chooses "Lock Console" in the menu
      Then the console shows "Please, enter start PIN"
      And the console shows "Service running..."
      And the HSM is activated
      When somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Carla with the card in the local reader
      Then the console shows "Main"
      And the log says "console locked" 1 time
      And the log says "console unlocked" 1 time
      And the log says "device activated" 1 time
