//! Every target with every input that is kept.

use std::fs;
use std::path::Path;

use hookd_fuzz_targets::{ALL, clean_up};

#[test]
fn no_input_that_is_kept_breaks_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in ALL {
        let folder = corpus.join(name);
        let inputs = fs::read_dir(&folder).expect("a target has a folder in the corpus");
        let mut count = 0;
        for input in inputs {
            let path = input.expect("a readable folder").path();
            eprintln!("{}", path.display());
            target(&fs::read(&path).expect("a readable input"));
            count += 1;
        }
        assert!(count > 0, "`{}` is empty", folder.display());
    }
    clean_up();
    let folders = fs::read_dir(corpus).expect("a corpus").count();
    assert_eq!(folders, ALL.len(), "every folder belongs to a target");
}
