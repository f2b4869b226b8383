# Sums the .trx files of several test runs: lists what was skipped with the reasons, and ends with one line,
# "N passed, N failed, N skipped". Read line by line, as dotnet test writes them: no XML parser is needed anywhere.
#
#   awk [-v failed_runs=N] -f tests/summary.awk FILE.trx ...
#
# failed_runs: test processes that died without a failed test to show for it; each counts as one failure.

function attribute(line, name,    start, rest) {
  start = index(line, " " name "=\"")
  if (!start) return ""
  rest = substr(line, start + length(name) + 3)
  return text(substr(rest, 1, index(rest, "\"") - 1))
}

function text(xml) {
  gsub(/&#xD;|&#13;/, "", xml)
  gsub(/&#xA;|&#10;/, " ", xml)
  gsub(/&lt;/, "<", xml)
  gsub(/&gt;/, ">", xml)
  gsub(/&quot;/, "\"", xml)
  gsub(/&apos;/, "'", xml)
  gsub(/&amp;/, "\\&", xml)
  return xml
}

function end_result() {
  if (skipping != "") {
    skipped_lines[++skipped] = "  " skipping ": " (reason == "" ? "no reason given" : reason)
  }
  skipping = ""
  reason = ""
}

{ sub(/\r$/, "") }

/<UnitTestResult / {
  end_result()
  outcome = attribute($0, "outcome")
  if (outcome == "Passed") {
    passed++
  } else if (outcome == "NotExecuted" || outcome == "Inconclusive") {
    skipping = attribute($0, "testName")
  } else {
    # Failed, Error, Timeout, Aborted, or something new: never counted as good.
    failed++
  }
}

skipping != "" && /<Message>/ {
  reason = $0
  sub(/^.*<Message>/, "", reason)
  sub(/<\/Message>.*$/, "", reason)
  reason = text(reason)
}

/<\/Results>/ { end_result() }

END {
  end_result()
  if (skipped) print "Skipped:"
  for (i = 1; i <= skipped; i++) print skipped_lines[i]
  if (failed_runs) print failed_runs " test process(es) ended badly, see above"
  printf "%d passed, %d failed, %d skipped\n", passed, failed + failed_runs, skipped
}
