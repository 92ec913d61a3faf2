"""Where alerts are sent: each channel's `send` tells one step of one alert, or raises ChannelError saying why not."""
