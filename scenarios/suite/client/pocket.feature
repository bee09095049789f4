Feature: The station of a Pocket
  No cards and no local console: an activation password on the client's screen.

  Background:
    Given a Pocket HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla

  @PK-01 @PK-02 @AU-03
  Scenario: The first password is typed twice, and is not shown
    When Ana starts the console
    And Ana presses Enter at the station
    Then the top right of the station of Ana shows "Model    Pocket"
    And the station of Ana does not show "[ Start remote authentication ]"
    When Ana clicks on "[ Set the first activation password ]"
    And Ana types "correct horse" at the station
    Then the station of Ana does not show "correct"
    When Ana presses Enter at the station
    And Ana enters "correct mouse" at the station
    Then nobody is the administrator
    When Ana presses Esc at the station
    And Ana clicks on "[ Set the first activation password ]"
    And Ana enters "correct horse" at the station
    And Ana enters "correct horse" at the station
    Then Ana is the administrator
    And the HSM is activated
    And the station of Ana shows "The device has accepted the activation password."

  @PK-02 @PK-03 @PK-04
  Scenario: A wrong password is told with the tries that are left
    When Ana connects
    And Ana gives the activation password "correct horse"
    And Ana hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno clicks on "[ Type the activation password ]"
    And Bruno enters "battery staple" at the station
    Then Bruno is refused with activation_password_wrong and 5 tries left
    And the station of Bruno shows "5"
    And nobody is the administrator
    When Bruno presses Enter at the station
    And Bruno clicks on "[ Type the activation password ]"
    And Bruno enters "correct horse" at the station
    Then Bruno is the administrator

  @NW-03 @NW-04 @PK-04
  Scenario: Network settings are changed by the administrator alone, and what is wrong is said beside its line
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses `2` at the station
    Then the station of Ana shows "[ Read again ]"
    And the station of Ana does not show "[ Change ]"
    When Ana presses `1` at the station
    And Ana clicks on "[ Set the first activation password ]"
    And Ana enters "correct horse" at the station
    And Ana enters "correct horse" at the station
    And Ana presses Enter at the station
    And Ana presses `2` at the station
    And Ana clicks on "[ Change ]"
    And Ana types "999" at the station
    And Ana presses Up at the station
    And Ana presses Up at the station
    And Ana presses Enter at the station
    Then the station of Ana shows "! wrong"
    And Ana is refused with invalid_params
