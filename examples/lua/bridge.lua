-- SPDX-License-Identifier: BSD-3-Clause
-- A wire between a guest and a network card: frames pass as they are, whatever they hold.
return {
	sluice = 1,
	ports = {
		guest = {kind = "vhost-user", socket = "/run/sluice/guest.sock"},
		card = {kind = "physical", device = "0000:03:00.0"},
	},
	paths = {wire = "guest <-> card"},
}
