using System.Text;
using OnnxStream.Interop.Conformance.Tests.Types;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>docs/operators.md says what the registry of operators and the test cases of the ONNX project say.</summary>
public sealed class OperatorTableTests
{
    /// <summary>Set to 1, this environment variable lets the test write the file instead of comparing it.</summary>
    private const string UpdateVariable = "ONNXSTREAM_UPDATE_DOCS";

    [Test]
    public void IsCurrent()
    {
        if (ConformanceSuite.Folder is null)
        {
            Assert.Ignore(ConformanceSuite.Absent);
        }

        if (ConformanceSuite.IsNewer)
        {
            Assert.Ignore("the page counts the cases of Debian's package");
        }

        string path = Path.Combine(RepositoryRoot(), "docs", "operators.md");
        string table = Write();
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(path, table);
        }

        Assert.That(File.Exists(path) ? File.ReadAllText(path) : "", Is.EqualTo(table), $"docs/operators.md is not current: run this test with {UpdateVariable}=1 to write it");
    }

    private static string Write()
    {
        Dictionary<(string Domain, string OperatorType), Row> rows = OperatorRegistry.All.Where(name => name.Domain != OperatorSets.InternalDomain).ToDictionary(name => name, _ => new Row());
        int passed = 0;
        List<string> cases = [.. ConformanceSuite.Cases.Except(CaseList.LeftOut.Keys)];
        foreach (string name in cases)
        {
            RunTrace trace = new();
            if (!Passes(name, trace))
            {
                continue;
            }

            passed++;
            using FileStream file = File.OpenRead(ConformanceSuite.Model(name));
            ModelProto model = ModelProto.Parser.ParseFrom(file);
            foreach (IGrouping<(string, string), NodeProto> nodes in Nodes(model.Graph).GroupBy(node => (node.Domain == "ai.onnx" ? "" : node.Domain, node.OpType)))
            {
                Row row = rows[nodes.Key];
                row.Cases++;
                row.Kernels.UnionWith(trace.Steps.Where(step => step.OperatorType == nodes.Key.Item2).Select(step => KernelName(step.KernelName)));
            }
        }

        StringBuilder text = new();
        text.Append("# Operators\n\n");
        text.Append($"""
            The test `OperatorTableTests` makes this page from the list of operators (`Operators/OperatorRegistry.cs`) and the test
            cases of the ONNX project (Debian's `libonnx-testdata` 1.12.0), and fails if it is not current. Do not edit.

            There are {rows.Count} operators of operator sets {OperatorSets.Oldest} to {OperatorSets.Newest}. Of {ConformanceSuite.Cases.Count} cases {passed} pass, {cases.Count - passed} fail, and {CaseList.LeftOut.Count} are left out:


            """);
        foreach (IGrouping<string, KeyValuePair<string, string>> reason in CaseList.LeftOut.GroupBy(pair => pair.Value).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append($"* {reason.Count()} for {reason.Key}\n");
        }

        text.Append($"""

            Of those that pass, {CaseList.Contradicted.Count} have outputs that contradict the specification; they are compared with ONNX Runtime instead. Another
            {CaseList.Random.Count} have random outputs; only the properties that must hold for them are checked. All three lists are in
            `tests/OnnxStream.Interop.Conformance.Tests`, with the reason for each case.

            Versions are those that brought something new to the operator, up to operator set 28. Types are those that the first
            type parameter of the newest version allows. `OperatorTypeTests` runs each version with each type, and compares with
            ONNX Runtime; the exceptions are in `Types/types-left-out.txt` with the reason. Numbers are all integers and reals;
            reals are float16, bfloat16, float and double; 8-bit floats are float8e4m3fn, float8e4m3fnuz, float8e5m2 and float8e5m2fnuz.

            Kernels are those seen in the cases that pass. `tests/OnnxStream.Interop.Tests/Operators` compares most operators over
            more shapes and attributes, with ONNX Runtime or with their formula. These versions and types are left out:


            """);
        foreach (IGrouping<string, (string What, string Reason)> reason in LeftOut().GroupBy(pair => pair.Reason))
        {
            text.Append($"* {string.Join(", ", reason.Select(pair => pair.What))}: {reason.Key}\n");
        }

        text.Append("\n| operator | versions | types | cases passed | kernels seen |\n|---|---|---|---|---|\n");
        foreach (((string domain, string operatorType), Row row) in rows.OrderBy(pair => pair.Key.Domain, StringComparer.Ordinal).ThenBy(pair => pair.Key.OperatorType, StringComparer.Ordinal))
        {
            string made = OperatorRegistry.Get(new Node(operatorType, domain, OperatorSets.Newest, "", [], [], new Attributes())) switch
            {
                FunctionOperator => "made of other operators",
                ControlFlow => "runs the graphs in its attributes",
                SequenceOperator or OptionalOperator => "done between the steps",
                _ => string.Join(", ", row.Kernels),
            };
            string name = (domain.Length > 0 ? domain + "." : "") + operatorType;
            OperatorSchema[] versions = [.. OperatorSchema.All.Where(schema => schema.Name == name && !schema.IsDeprecated)];
            text.Append($"| {name} | {string.Join(", ", versions.Select(schema => schema.Version))} | {(versions.Length > 0 ? Types(versions[^1]) : "")} | {row.Cases} | {made} |\n");
        }

        return text.ToString();
    }

    // The types of this library that an operator takes, in few words.
    private static string Types(OperatorSchema schema)
    {
        if (OperatorSample.All.Where(sample => sample.IsFor(schema)).Select(sample => sample.Parameter(schema)).FirstOrDefault() is not { } parameter)
        {
            return "";
        }

        bool areContainers = schema.Types[parameter].All(type => type.Contains('(', StringComparison.Ordinal));
        List<ElementType> types = [.. schema.Types[parameter].Where(type => !TypeLists.LeftOut.ContainsKey((schema.Name, $"{schema.Version}", parameter, type)))
            .Select(type => areContainers ? OperatorSample.FindElementType(type) : OperatorSample.FindType(type)).OfType<ElementType>().Order()];
        List<string> words = [];
        ElementType[] all = [.. Enum.GetValues<ElementType>()];
        foreach ((string word, ElementType[] group) in new[] { ("numbers", all.Where(type => type.IsFloat() || type.IsInteger()).ToArray()), ("reals", all.Where(type => type.IsFloat()).ToArray()), ("integers", all.Where(type => type.IsInteger()).ToArray()), ("8-bit floats", [ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ]) })
        {
            if (group.All(types.Contains))
            {
                words.Add(word);
                types.RemoveAll(type => group.Contains(type));
            }
        }

        return string.Join(", ", words.Concat(types.Select(type => type.ToOnnxName())));
    }

    private static IEnumerable<(string What, string Reason)> LeftOut() => TypeLists.LeftOut
        .GroupBy(pair => (pair.Key.Operator, pair.Key.Version, pair.Value))
        .Select(group => (group.Key.Operator == "*" ? string.Join(", ", group.Select(pair => pair.Key.Type)) : group.Key.Version == "*" ? group.Key.Operator : $"{group.Key.Operator}-{group.Key.Version} ({string.Join(", ", group.Select(pair => pair.Key.Type).Distinct())})", group.Key.Value));

    // Managed loops over elements are named for the type that computes one element, which says no more than the operator.
    private static string KernelName(string name) => name.Contains('`', StringComparison.Ordinal) || name.EndsWith("Function", StringComparison.Ordinal) ? "managed loop" : name;

    // A failure is not this test's business: the case is a test of its own.
    private static bool Passes(string name, RunTrace trace)
    {
        try
        {
            using (new NUnit.Framework.Internal.TestExecutionContext.IsolatedContext())
            {
                ConformanceTests.Check(name, new SessionOptions { ThreadCount = 1, RewriteGraph = false }, trace);
            }

            return true;
        }
        catch (Exception exception) when (exception is OnnxStreamException or AssertionException)
        {
            return false;
        }
    }

    private static IEnumerable<NodeProto> Nodes(GraphProto graph) =>
        graph.Node.SelectMany(node => node.Attribute.Select(attribute => attribute.G).OfType<GraphProto>().SelectMany(Nodes).Prepend(node));

    private static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(TestContext.CurrentContext.TestDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OnnxStream.Interop.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above '{TestContext.CurrentContext.TestDirectory}' has OnnxStream.Interop.sln.");
    }

    private sealed class Row
    {
        public int Cases { get; set; }

        public SortedSet<string> Kernels { get; } = new(StringComparer.Ordinal);
    }
}
