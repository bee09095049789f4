Business Need: wide characters

  Scenario: 日本語 𝄞
    Given 𝄞   text 
      | 𝄞 | 日本 | é |
      |    x | 𝄞𝄞 |　y |
　　@𝄞a @日本
	Scenario: tabs and wide space
		When 𝄞
			"""
				indented by a tab
		  mixed
			"""
