Feature: The Pocket
  No console and no cards: an activation password, over remote management, which is always enabled.

  Background:
    Given a Pocket HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla

  @PK-01 @PK-04
  Scenario: Remote management is enabled from the first moment, and keys and cards do nothing
    Then port 4433 is open
    When Ana connects
    Then Ana is the manager
    And Ana sees "model" in the header as "Pocket"
    When somebody presses Enter
    And somebody puts a card into the local reader
    Then Ana is the manager
    When Ana starts to authenticate
    Then Ana is refused with not_available_on_model

  @PK-02
  Scenario: The first connection sets the password
    When Ana connects
    And Ana gives the activation password "1234567"
    Then Ana is refused with invalid_params
    When Ana gives the activation password "correct horse"
    Then Ana is the administrator
    And the HSM is activated
    When Ana hangs up
    And Bruno connects
    And Bruno gives the activation password "battery staple"
    Then Bruno is refused with activation_password_wrong and 5 tries left
    When Bruno gives the activation password "correct horse"
    Then Bruno is the administrator

  @PK-03
  Scenario: The sixth wrong password blocks all tries for 60 s
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana hangs up
    And Bruno connects
    And Bruno gives the activation password "wrong pass 1"
    And Bruno gives the activation password "wrong pass 2"
    And Bruno gives the activation password "wrong pass 3"
    And Bruno gives the activation password "wrong pass 4"
    And Bruno gives the activation password "wrong pass 5"
    Then Bruno is refused with activation_password_wrong and 1 tries left
    When Bruno gives the activation password "wrong pass 6"
    Then Bruno is refused with activation_password_wrong and 0 tries left
    When 59.999 s pass
    And Bruno gives the activation password "correct horse"
    Then Bruno is refused with activation_wait
    When 1 ms passes
    And Bruno gives the activation password "wrong pass 7"
    Then Bruno is refused with activation_password_wrong and 0 tries left
    When 60 s pass
    And Bruno gives the activation password "correct horse"
    Then Bruno is the administrator

  @PK-03
  Scenario: A restart begins the wait anew
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana hangs up
    And Bruno connects
    And Bruno gives the activation password "wrong pass 1"
    And Bruno gives the activation password "wrong pass 2"
    And Bruno gives the activation password "wrong pass 3"
    And Bruno gives the activation password "wrong pass 4"
    And Bruno gives the activation password "wrong pass 5"
    And Bruno gives the activation password "wrong pass 6"
    And 59 s pass
    And the power is cut
    And the power returns
    And the HSM has started
    And Carla connects
    And Carla gives the activation password "correct horse"
    Then Carla is refused with activation_wait

  @PK-02
  Scenario: Another password
    When Ana connects
    And Ana changes the activation password from "correct horse" to "battery staple"
    Then Ana is refused with not_authenticated
    When Ana gives the activation password "correct horse"
    And Ana changes the activation password from "wrong" to "battery staple"
    Then Ana is refused with activation_password_wrong and 5 tries left
    When Ana changes the activation password from "correct horse" to "battery staple"
    And Ana hangs up
    And Bruno connects
    And Bruno gives the activation password "correct horse"
    Then Bruno is refused with activation_password_wrong and 5 tries left
    When Bruno gives the activation password "battery staple"
    Then Bruno is the administrator

  @LF-04
  Scenario: Neither password nor key is written down
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana changes the activation password from "correct horse" to "battery staple"
    Then nothing that was kept holds a secret

  @NW-03 @NW-04
  Scenario: The administrator changes the network settings, field by field
    When Ana connects
    And Ana sets the network to:
      """
      {"gateway": null}
      """
    Then Ana is refused with not_authenticated
    When Ana gives the activation password "correct horse"
    And Ana sets the network to:
      """
      {"gateway": "224.0.0.1", "dns": ["x"]}
      """
    Then Ana is refused with invalid_params
    When Ana asks for the network settings
    Then Ana reads "gateway" as "192.0.2.1"
    When Ana sets the network to:
      """
      {"interfaces": [{"name": "Interface 1", "ip": "192.0.2.99"}]}
      """
    Then Ana sees "ip" in the header as "192.0.2.99"
    When the power is cut
    And the power returns
    And the HSM has started
    And Bruno connects
    Then Bruno sees "ip" in the header as "192.0.2.99"

  @PK-04 @OP-06
  Scenario: Factory mode leaves it enabled and without a password
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana asks the HSM to return to factory mode
    Then the session of Ana has ended with factory_reset
    When the HSM has started
    Then port 4433 is open
    When Bruno connects
    And Bruno gives the activation password "battery staple"
    Then Bruno is the administrator

  @PK-04 @OP-01 @OP-02
  Scenario: The operations are those of the other models
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana asks the HSM to stop the service
    Then Ana sees "service" in the header as "stopped"
    When Ana asks the HSM to restart
    Then the session of Ana has ended with restart
    When the HSM has started
    Then the HSM is not activated
    And port 4433 is open
