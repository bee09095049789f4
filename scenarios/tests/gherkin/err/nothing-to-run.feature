Feature: f

  Only prose.
