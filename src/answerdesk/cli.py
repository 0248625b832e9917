"""The command line: verbs over the composition root and, for `ask`, the client."""
import os, sys
def main() -> None:
    from answerdesk import main as m
    from answerdesk.config import read_settings
    if sys.argv[1]=="worker":
        from answerdesk.solve.loop import run
        a=sys.argv
        sys.exit(run(solver=a[a.index("--solver")+1],url=a[a.index("--url")+1],token=os.environ["ANSWERDESK_TOKEN"],with_parent=True))
    m.serve(read_settings({"port":int(sys.argv[2]),"data":sys.argv[3]},os.environ), lambda a: print(a,flush=True))
if __name__ == "__main__":
    main()
