# Makes the slips.toml of the Debian package out of the shipped one: its source is
# the argus of slips-ips-argus.service.
/^# \[\[source\]\]$/ {
	print "# Here it is slips-ips-argus.service; /etc/slips-ips/argus.conf names its interface."
	print "[[source]]"
	getline
	if ($0 !~ /^# url = /) exit 1
	print "url = \"argus://127.0.0.1:9561\""
	print "user = \"slips-argus\""
	done = 1
	next
}
{ print }
END { if (!done) exit 1 }
