Feature: The custodian process
  M custodians bring their cards, one after the other, from wherever they are. The last one operates the HSM.

  Rule: M of N cards, in any order, at any station

    @AU-01 @AU-02 @AU-04 @AU-05
    Scenario Outline: <first> and <second> of a 2-of-3 set, at different stations
      Given an HSM ready for remote management
      When <first> connects from 203.0.113.101
      And <first> authenticates
      Then <first> is intermediary custodian 1 of 2
      And nobody is the administrator
      When <first> hangs up
      And <second> connects from 198.51.100.7
      Then <second> is told on arrival that 1 of 2 cards are in
      When <second> authenticates
      Then <second> is the administrator

      Examples:
        | first | second |
        | Ana   | Bruno  |
        | Bruno | Ana    |
        | Carla | Ana    |
        | Bruno | Carla  |

    @AU-01 @AU-04 @AU-05
    Scenario: Three of five
      Given an ST HSM with a 3-of-5 set of cards held by Ana, Bruno, Carla, Davi and Elisa
      And it has been activated at the console
      And remote management has been enabled at the console
      When Elisa connects, authenticates and hangs up
      And 100 s pass
      And Bruno connects, authenticates and hangs up
      Then Bruno is told that 120 s are left
      When 100 s pass
      And Davi connects and authenticates
      Then Davi is the administrator

    @AU-06 @AU-13
    Scenario Outline: Of three cards each begins a new interval: <wait> after the second
      Given an ST HSM with a 3-of-5 set of cards held by Ana, Bruno, Carla, Davi and Elisa
      And it has been activated at the console
      And remote management has been enabled at the console
      When Ana connects, authenticates and hangs up
      And 119.999 s pass
      And Bruno connects, authenticates and hangs up
      And <wait> pass
      And Carla connects and authenticates
      Then <outcome>

      Examples:
        | wait      | outcome                               |
        | 119.999 s | Carla is the administrator            |
        | 120 s     | Carla is intermediary custodian 1 of 3 |

    @AU-01
    Scenario: Two of two
      Given a CD HSM with a 2-of-2 set of cards held by Ana and Bruno
      And it has been activated at the console
      And remote management has been enabled at the console
      When Bruno connects, authenticates and hangs up
      And Ana connects and authenticates
      Then Ana is the administrator

    @AU-16
    Scenario: Custodians follow one another on one connection
      Given an HSM ready for remote management
      When Ana connects and authenticates
      Then Ana is intermediary custodian 1 of 2
      When Ana authenticates with the card of Carla
      Then Ana is the administrator

    @AU-02
    Scenario: Progress survives a change of connection and of address
      Given an HSM ready for remote management
      When Ana connects from 203.0.113.1
      And Ana authenticates
      And the program of Ana crashes
      And Ana connects from 198.51.100.200
      Then Ana is told on arrival that 1 of 2 cards are in

    @AU-02
    Scenario: Every message arrives byte by byte
      Given an HSM ready for remote management
      And every message arrives byte by byte
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      Then Bruno is the administrator

    @AU-02
    Scenario: Every message arrives in pieces of any size, late
      Given an HSM ready for remote management
      And every message arrives in pieces of any size
      And every message takes 40 ms on its way
      When Ana connects
      And 1 s passes
      And Ana starts to authenticate
      And Ana inserts the card
      And 5 s pass
      And Ana types the right PIN
      And 5 s pass
      Then Ana is intermediary custodian 1 of 2

    @AU-21 @AU-13
    Scenario: M is never lowered by a later shadow
      Given an XP HSM with a 3-of-4 set of cards held by Ana, Bruno, Carla and Davi
      And it has been activated at the console
      And remote management has been enabled at the console
      And the shadow of Bruno says card 2 of 2-of-4
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      Then Bruno is refused with card_wrong_set
      And nobody is the administrator

  Rule: The PIN stays at the station

    Background:
      Given an HSM ready for remote management

    @AU-03 @AU-22
    Scenario: A custodian is asked for card and PIN at the station
      When Ana connects
      And Ana starts to authenticate
      Then Ana is asked for a card
      When Ana inserts the card
      Then Ana is asked for the PIN
      When Ana types the right PIN
      Then Ana is intermediary custodian 1 of 2
      And Ana is asked for nothing
      And the PIN has not crossed the network
      And Ana was never asked for a card command but "A4 C0 20 B0"

    @AU-09
    Scenario: A wrong PIN costs one try and nothing else
      When Ana connects, authenticates and hangs up
      And Bruno connects
      And Bruno inserts the card
      And Bruno starts to authenticate
      And Bruno types the PIN "87654321"
      Then Bruno is refused with pin_wrong and 6 tries left
      And the card of Bruno has 1 wrong PIN counted
      And Bruno was asked for the PIN 1 time
      When Bruno authenticates
      Then Bruno is the administrator
      And the card of Bruno has 0 wrong PINs counted

    @AU-09
    Scenario: The seventh wrong PIN blocks the card for ever
      Given the card of Bruno has met 6 wrong PINs elsewhere
      When Bruno connects
      And Bruno inserts the card
      And Bruno starts to authenticate
      And Bruno types the PIN "87654321"
      Then Bruno is refused with card_blocked
      And the card of Bruno is blocked
      When Bruno authenticates
      Then Bruno is refused with card_blocked
      And Bruno was asked for the PIN 1 time

    @AU-09 @AU-10
    Scenario: Six wrong PINs are survived
      Given the card of Bruno has met 6 wrong PINs elsewhere
      When Bruno connects and authenticates
      Then Bruno is intermediary custodian 1 of 2
      And the card of Bruno has 0 wrong PINs counted

    @AU-09
    Scenario: Giving up at the prompt costs no try
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana gives up at the prompt
      Then Ana is refused with pin_cancelled
      And the card of Ana has 0 wrong PINs counted

    @PN-03 @AU-09
    Scenario Outline: <what> never reaches the card
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana types the PIN "<typed>"
      Then Ana is asked for the PIN
      And the card of Ana has 0 wrong PINs counted

      Examples:
        | what                   | typed     |
        | A PIN of seven digits  | 1234567   |
        | A PIN of nine digits   | 123456789 |
        | Another character      | 1234-678  |
        | Nothing                |           |

    @PN-01
    Scenario Outline: <typed> is the same PIN as 12345678
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana types the PIN "<typed>"
      Then Ana is intermediary custodian 1 of 2

      Examples:
        | typed    |
        | ABCDEFGH |
        | qrstuvwx |

    @CD-04
    Scenario Outline: A card that loses contact while <what> counts <counted> more after <before>
      Given the card of Ana has met <before> wrong PINs elsewhere
      And the card of Ana loses contact after <writes> writes
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana types the PIN "<pin>"
      Then Ana is refused with card_removed
      And the card of Ana has <after> wrong PINs counted

      Examples:
        | what                                | pin      | before | writes | counted | after |
        | the try is being counted            | 12345678 | 3      | 0      | nothing | 3     |
        | the try is being counted            | 00000000 | 3      | 0      | nothing | 3     |
        | the right PIN forgets the wrong ones | 12345678 | 3     | 1      | one     | 4     |
        | the right PIN forgets the wrong ones | 12345678 | 0     | 1      | one     | 1     |

    @CD-04
    Scenario: The last try can be lost to a contact, and then the card is blocked for ever
      Given the card of Ana has met 6 wrong PINs elsewhere
      And the card of Ana loses contact after 1 write
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana types the right PIN
      Then Ana is refused with card_removed
      And the card of Ana is blocked
      When Ana takes the card out
      And Ana authenticates
      Then Ana is refused with card_blocked

    @CD-04
    Scenario: A card that loses contact between counting and comparing has counted a try, even for the right PIN
      Given the card of Ana loses contact after 1 write
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana types the right PIN
      Then Ana is refused with card_removed
      And the card of Ana has 1 wrong PIN counted

  Rule: A card counts once

    Background:
      Given an HSM ready for remote management

    @AU-08 @AU-13
    Scenario: The same card again
      When Ana connects, authenticates and hangs up
      And Ana connects and authenticates
      Then Ana is refused with card_already_presented
      And nobody is the administrator
      When Ana hangs up
      And Bruno connects and authenticates
      Then Bruno is the administrator

    @AU-08 @AU-13
    Scenario: Original, copy and copy of the copy count once together
      Given Davi holds a copy of the card of Ana
      And Elisa holds a copy of the card of Davi
      When Ana connects, authenticates and hangs up
      And Davi connects and authenticates
      Then Davi is refused with card_already_presented
      When Davi hangs up
      And Elisa connects and authenticates
      Then Elisa is refused with card_already_presented
      And nobody is the administrator
      When Elisa hangs up
      And Carla connects and authenticates
      Then Carla is the administrator

  Rule: A card that does not fit is refused with its own reason

    Background:
      Given an HSM ready for remote management

    @AU-10 @AU-18
    Scenario Outline: <what> is refused as the first card
      Given <card>
      When Davi connects and authenticates
      Then Davi is refused with <reason>
      When Davi hangs up
      And Ana connects
      Then Ana is told on arrival that no process is under way

      Examples:
        | what                    | card                                          | reason               |
        | A set of another key    | Davi holds a card of a set of another key     | card_wrong_set       |
        | A partition set         | Davi holds a card of a partition set          | card_wrong_purpose   |
        | A card from the factory | Davi holds a card from the factory            | card_not_initialized |
        | An empty card           | Davi holds a card without a shadow            | card_not_initialized |

    @AU-10 @AU-18
    Scenario Outline: <what> is refused as the second card, and the process goes on
      Given <card>
      When Ana connects, authenticates and hangs up
      And Davi connects and authenticates
      Then Davi is refused with <reason>
      When Davi hangs up
      And Bruno connects and authenticates
      Then Bruno is the administrator

      Examples:
        | what                      | card                                             | reason               |
        | A set of another key      | Davi holds a card of a set of another key        | card_wrong_set       |
        | A new set of the same key | Davi holds card 2 of a new set of the same key   | card_wrong_set       |
        | A partition set           | Davi holds a card of a partition set             | card_wrong_purpose   |
        | A card from the factory   | Davi holds a card from the factory               | card_not_initialized |

    @AU-11
    Scenario: A damaged shadow
      Given the shadow of Bruno has a flipped bit
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      Then Bruno is refused with card_damaged
      When Bruno hangs up
      And Carla connects and authenticates
      Then Carla is the administrator

    @AU-11 @AU-13 @AU-18
    Scenario: Consistent shadows that miss the verifier
      Given the share of Bruno is another one
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      Then Bruno is refused with svmk_mismatch
      And Bruno is told that the process was reset by svmk_mismatch
      And nobody is the administrator
      And the log says "custodian process reset: svmk_mismatch" 1 time
      When Bruno hangs up
      And Carla connects
      Then Carla is told on arrival that no process is under way

    @AU-21
    Scenario Outline: A shadow that says card <index> of <m>-of-<n>
      Given the shadow of Ana says card <index> of <m>-of-<n>
      When Ana connects and authenticates
      Then Ana is refused with card_incompatible
      And nobody is the administrator

      Examples:
        | index | m | n   |
        | 1     | 0 | 3   |
        | 1     | 1 | 3   |
        | 1     | 4 | 3   |
        | 1     | 2 | 65  |
        | 0     | 2 | 3   |
        | 4     | 2 | 3   |

    @AU-21
    Scenario Outline: A shadow of <length> bytes
      Given the shadow of Ana is <length> bytes long
      When Ana connects and authenticates
      Then Ana is refused with card_incompatible

      Examples:
        | length |
        | 55     |
        | 57     |
        | 255    |

    @AU-10
    Scenario Outline: <what> at the station
      Given <trouble>
      When Ana connects
      And Ana starts to authenticate
      And Ana inserts the card
      Then Ana is refused with <reason>

      Examples:
        | what                        | trouble                          | reason             |
        | A card that does not answer | the card of Ana does not answer  | card_mute          |
        | No reader                   | the reader of Ana is unplugged   | reader_unavailable |

    @AU-10
    Scenario: A card taken out at the prompt
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana takes the card out
      Then Ana is refused with card_removed
      And the card of Ana has 0 wrong PINs counted
