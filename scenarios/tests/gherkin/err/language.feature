# language: fr
Feature: f
  # language: en
  Scenario: s
    Given x
