Feature: One manager at a time
  While somebody manages the HSM, nobody else does, and nobody else makes any difference.

  Rule: A second connection is denied

    Background:
      Given an HSM ready for remote management

    @RM-05 @RM-18
    Scenario: A denied second connection
      When Ana connects
      Then Ana is the manager
      When Bruno connects
      Then Bruno is denied with busy
      And Ana is the manager
      When Ana asks for the header
      Then Ana reads "model" as "XP"

    @RM-05 @RM-18
    Scenario: There is no take-over, not even from the same address
      When Ana connects from 203.0.113.50
      And Bruno connects from 203.0.113.50
      Then Bruno is denied with busy
      And Ana is the manager

    @RM-05 @RM-19
    Scenario: A denial does not restart the inactivity timer
      When Ana connects
      And 119.999 s pass
      And Bruno connects
      Then Bruno is denied with busy
      And Ana is the manager
      When 1 ms passes
      Then the session of Ana has ended with inactivity

    @RM-05
    Scenario: The administrator is not disturbed either
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Carla connects
      Then Carla is denied with busy
      And Bruno is the administrator

    @RM-18
    Scenario: The first to complete the handshake wins
      Given a half-open newcomer connects
      When Ana connects
      Then Ana is the manager

    @RM-18
    Scenario Outline: The place is free in the instant in which the manager <ends>
      When Ana connects
      And <act>
      And Bruno connects
      Then Bruno is the manager

      Examples:
        | ends                 | act                       |
        | hangs up             | Ana hangs up              |
        | closes the session   | Ana closes the session    |
        | crashes              | the program of Ana crashes |

    @RM-15 @RM-18 @AU-12 @RM-22
    Scenario Outline: Administrator rights end when the administrator <ends>
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      Then Bruno is the administrator
      When <act>
      Then nobody is the administrator
      When Bruno connects
      And Bruno asks the HSM to stop the service
      Then Bruno is refused with not_authenticated

      Examples:
        | ends                                 | act                          |
        | leaves the program                   | Bruno hangs up               |
        | goes back to the start screen        | Bruno closes the session     |
        | loses the connection                 | the program of Bruno crashes |

    @RM-15
    Scenario: A card dialog in progress ends with the session
      When Ana connects
      And Ana inserts the card
      And Ana starts to authenticate
      And Ana hangs up
      Then Ana is asked for nothing
      When Bruno connects and authenticates
      Then Bruno is intermediary custodian 1 of 2

    @RM-22
    Scenario: Rights do not follow the address
      When Ana connects, authenticates and hangs up
      And Bruno connects from 203.0.113.77
      And Bruno authenticates
      Then Bruno is the administrator
      When Bruno hangs up
      And Carla connects from 203.0.113.77
      And Carla asks the HSM to restart
      Then Carla is refused with not_authenticated

  Rule: Newcomers of any manner never take the place, and are never felt

    Background:
      Given an HSM ready for remote management

    @RM-06
    Scenario Outline: A <manner> newcomer keeps nobody out
      When a <manner> newcomer connects
      And Ana connects
      Then Ana is the manager
      And the newcomer hears nothing

      Examples:
        | manner         |
        | silent         |
        | slow           |
        | garbage        |
        | half-open      |
        | browser        |
        | client-session |
        | TLS-1.1        |
        | CBC-only       |
        | unknown-ALPN   |

    @RM-05 @RM-06
    Scenario: A polite newcomer is told that the HSM is busy
      When Ana connects
      And a polite newcomer connects
      Then the newcomer is denied with busy
      And the connection of the newcomer is over
      And Ana is the manager

    @RM-06
    Scenario: With eight unfinished handshakes the ninth is let in, and the oldest is closed
      When 8 silent newcomers connect at once
      And Ana connects
      Then Ana is the manager
      And the log says "oldest of too many unfinished handshakes" 1 time

    @RM-06
    Scenario: With seven unfinished handshakes nobody is closed
      When 7 silent newcomers connect at once
      And Ana connects
      Then Ana is the manager
      And the log does not say "oldest of too many unfinished handshakes"

    @RM-06
    Scenario: A handshake that is not finished in ten seconds is closed
      When a half-open newcomer connects
      And 9.999 s pass
      Then the connection of the newcomer is open
      When 1 ms passes
      Then the connection of the newcomer is over
      And the log says "TLS handshake not finished in time" 1 time

    @RM-06
    Scenario: A slow newcomer has ten seconds like everybody
      When a slow newcomer connects
      And 9.999 s pass
      Then the connection of the newcomer is open
      When 1 ms passes
      Then the connection of the newcomer is over

    @RM-05 @RM-06
    Scenario: A manager does not feel a thousand newcomers
      When the session of Ana is played with and without 1000 newcomers at once
      Then both transcripts are equal, with their instants

    @RM-06
    Scenario: A thousand newcomers without a manager, and then one
      When 1000 silent newcomers connect at once
      And Ana connects
      Then Ana is the manager
      And the HSM holds at most 81 connections

  Rule: What is not our protocol is not answered in it

    Background:
      Given an HSM ready for remote management

    @RM-23
    Scenario Outline: <what> gets an alert and no line
      When a <manner> newcomer connects
      Then the newcomer gets TLS alert <alert>
      And the newcomer hears nothing
      And the log says "TLS handshake failed" 1 time
      When Ana connects
      Then Ana is the manager

      Examples:
        | what                          | manner       | alert |
        | TLS 1.1                       | TLS-1.1      | 70    |
        | TLS 1.2 without an AEAD suite | CBC-only     | 40    |
        | An unknown protocol name      | unknown-ALPN | 120   |

    @RM-06 @RM-14
    Scenario Outline: <what> is closed and logged
      When a <manner> newcomer connects
      Then the connection of the newcomer is over
      And the log says "connection turned away from 198.18.0.0" 1 time
      And the log says "neither TLS nor a client session" 1 time

      Examples:
        | what               | manner  |
        | A browser          | browser |
        | Garbage            | garbage |

    @RM-04
    Scenario: A client session gets the vendor's error while the service runs
      When a client-session newcomer connects
      Then the newcomer is answered with the bytes "FF FF FF FF 9B 13 00 80"

    @RM-04
    Scenario: A client session gets the vendor's error while the service is stopped
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno asks the HSM to stop the service
      And a client-session newcomer connects
      Then the newcomer is answered with the bytes "FF FF FF FF 46 16 00 80"

  Rule: A manager who breaks the protocol ends the own session and nothing else

    Background:
      Given an HSM ready for remote management
      And a polite newcomer connects

    @RM-19 @RM-14
    Scenario Outline: <what>
      Then the newcomer is the manager
      When the newcomer types:
        """
        <line>
        """
      Then the newcomer hears "protocol_error"
      And the connection of the newcomer is over
      And the log says "protocol_error" 1 time
      When Ana connects
      Then Ana is the manager

      Examples:
        | what                         | line                                              |
        | A line of garbage            | hello?                                            |
        | A batch                      | []                                                |
        | A number                     | 42                                                |
        | No version                   | {"id":1,"method":"device.header"}                 |
        | A text as id                 | {"jsonrpc":"2.0","id":"1","method":"device.header"} |
        | A negative id                | {"jsonrpc":"2.0","id":-1,"method":"device.header"} |
        | An id past 2^53 - 1          | {"jsonrpc":"2.0","id":9007199254740992,"method":"device.header"} |
        | An answer to nothing         | {"jsonrpc":"2.0","id":1,"result":{}}              |
        | Half a request               | {"jsonrpc":"2.0","id":1                           |

    @RM-19
    Scenario Outline: <what> is answered, and the session goes on
      When the newcomer types:
        """
        <line>
        """
      Then the newcomer hears "<answer>"
      And the connection of the newcomer is open

      Examples:
        | what                     | line                                                          | answer           |
        | An unknown method        | {"jsonrpc":"2.0","id":1,"method":"device.weather"}            | method_not_found |
        | A list of parameters     | {"jsonrpc":"2.0","id":1,"method":"device.header","params":[]} | invalid_params   |
        | An unknown member        | {"jsonrpc":"2.0","id":1,"method":"device.header","x":1}       | TXP0000001       |
        | The largest id           | {"jsonrpc":"2.0","id":9007199254740991,"method":"device.header"} | TXP0000001    |

    @RM-18 @RM-14
    Scenario: A manager who asks and does not read ends with slow
      When the newcomer reads nothing any more
      And the newcomer asks for the header 2200 times
      Then the log says "session ended from 198.18.0.0:40001: slow" 1 time
      When Ana connects
      Then Ana is the manager
      When the newcomer reads again
      Then the newcomer hears "slow"

    @RM-19
    Scenario: A manager who asks as often and reads goes on
      When the newcomer asks for the header 2200 times
      Then the newcomer hears "TXP0000001"
      And the connection of the newcomer is open

    @RM-19
    Scenario: The longest line is taken
      When the newcomer types a line of 65536 bytes
      Then the newcomer hears "TXP0000001"

    @RM-19
    Scenario: A line that is one byte longer ends the session
      When the newcomer types a line of 65537 bytes
      Then the newcomer hears "protocol_error"
      And the connection of the newcomer is over

    @RM-19
    Scenario: A line without an end is refused as soon as it is too long
      When the newcomer types 65536 bytes without an end of line
      Then the connection of the newcomer is open
      When the newcomer types "x" without an end of line
      Then the newcomer hears "protocol_error"
