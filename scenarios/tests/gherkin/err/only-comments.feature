# a comment

@tag
